// Draws the icons into public/: node scripts/icons.mjs. A ring that is open on one side, and somebody who comes to it.
import { writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { crc32, deflateSync } from "node:zlib";

const out = path.join(path.dirname(path.dirname(fileURLToPath(import.meta.url))), "public");

const BLUE = [0x24, 0x57, 0xc5];
const GREY = [0x6b, 0x72, 0x7d];
const ORANGE = [0xf0, 0xa1, 0x3a];
const WHITE = [0xff, 0xff, 0xff];

/** The mark on a square of 32: a ring with its opening to the right, and a dot in the opening. */
const RING = { x: 15, y: 16, radius: 8, width: 4, opening: 0.72 };
const DOT = { x: 23.5, y: 16, radius: 2.75 };
const SIGN = { x: 24.5, y: 7.5, radius: 6 };

writeFileSync(path.join(out, "favicon-plain.svg"), svg(BLUE, null));
writeFileSync(path.join(out, "favicon-attention.svg"), svg(BLUE, ORANGE));
writeFileSync(path.join(out, "favicon-offline.svg"), svg(GREY, null));
writeFileSync(path.join(out, "icon-192.png"), png(192, { ground: BLUE, corner: 7, scale: 1 }));
writeFileSync(path.join(out, "icon-512.png"), png(512, { ground: BLUE, corner: 7, scale: 1 }));
// Cut to a circle or a drop by the system: the ground goes to the edge, the mark stays in the middle.
writeFileSync(path.join(out, "icon-maskable-512.png"), png(512, { ground: BLUE, corner: 0, scale: 0.72 }));
writeFileSync(path.join(out, "icon-touch-180.png"), png(180, { ground: BLUE, corner: 0, scale: 0.9 }));
writeFileSync(path.join(out, "badge-96.png"), png(96, { ground: null, corner: 0, scale: 1.35 }));

function svg(ground, sign) {
  const { x, y, radius, width, opening } = RING;
  const dx = round(radius * Math.cos(opening));
  const dy = round(radius * Math.sin(opening));
  const dot =
    sign === null
      ? ""
      : `<circle cx="${SIGN.x}" cy="${SIGN.y}" r="${SIGN.radius + 1.5}" fill="${hex(ground)}"/>` +
        `<circle cx="${SIGN.x}" cy="${SIGN.y}" r="${SIGN.radius}" fill="${hex(sign)}"/>`;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">` +
    `<rect width="32" height="32" rx="7" fill="${hex(ground)}"/>` +
    `<path d="M${round(x + dx)} ${round(y - dy)}A${radius} ${radius} 0 1 0 ${round(x + dx)} ${round(y + dy)}" ` +
    `fill="none" stroke="${hex(WHITE)}" stroke-width="${width}" stroke-linecap="round"/>` +
    `<circle cx="${DOT.x}" cy="${DOT.y}" r="${DOT.radius}" fill="${hex(WHITE)}"/>${dot}</svg>\n`
  );
}

/** How far a point is from the mark; negative inside. */
function distance(px, py) {
  const { x, y, radius, width, opening } = RING;
  const angle = Math.abs(Math.atan2(py - y, px - x));
  const end = { x: x + radius * Math.cos(opening), y: y + radius * Math.sin(opening) };
  const ring =
    angle >= opening
      ? Math.abs(Math.hypot(px - x, py - y) - radius)
      : Math.hypot(px - end.x, Math.abs(py - y) - (end.y - y));
  return Math.min(ring - width / 2, Math.hypot(px - DOT.x, py - DOT.y) - DOT.radius);
}

function square(px, py, corner) {
  const dx = Math.max(0, Math.abs(px - 16) - (16 - corner));
  const dy = Math.max(0, Math.abs(py - 16) - (16 - corner));
  return corner === 0 ? -1 : Math.hypot(dx, dy) - corner;
}

function png(size, { ground, corner, scale }) {
  const rows = Buffer.alloc(size * (size * 4 + 1));
  const pixel = 32 / size;
  // Full ink half a pixel inside, none half a pixel outside.
  const ink = (d, unit) => Math.min(1, Math.max(0, 0.5 - d / unit));
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < size; column += 1) {
      const px = (column + 0.5) * pixel;
      const py = (row + 0.5) * pixel;
      const mark = ink(distance(16 + (px - 16) / scale, 16 + (py - 16) / scale), pixel / scale);
      const base = ground === null ? 0 : ink(square(px, py, corner), pixel);
      const color = (ground ?? WHITE).map((part, i) => Math.round(part + (WHITE[i] - part) * mark));
      rows.set(
        [...color, Math.round(255 * Math.max(base, ground === null ? mark : 0))],
        row * (size * 4 + 1) + 1 + column * 4,
      );
    }
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(size, 0);
  head.writeUInt32BE(size, 4);
  head.set([8, 6, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", head),
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function chunk(name, data) {
  const body = Buffer.concat([Buffer.from(name), data]);
  const whole = Buffer.alloc(body.length + 8);
  whole.writeUInt32BE(data.length, 0);
  whole.set(body, 4);
  whole.writeUInt32BE(crc32(body), body.length + 4);
  return whole;
}

function hex(color) {
  return `#${color.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}

function round(n) {
  return Math.round(n * 100) / 100;
}
