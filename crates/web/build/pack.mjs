// Compresses what is worth it in a directory that was built, for `table.rs`: DIR/.packed has FILE.br and FILE.gz.
//
//   node pack.mjs DIR

import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

const TEXT = new Set([".css", ".js", ".json", ".map", ".mjs", ".svg", ".txt", ".wasm", ".webmanifest"]);

const dist = path.resolve(process.argv[2]);
const packed = path.join(dist, ".packed");

async function pack(name) {
  const whole = readFileSync(path.join(dist, name));
  const size = { [constants.BROTLI_PARAM_SIZE_HINT]: whole.length };
  const variants = await Promise.all([
    promisify(brotliCompress)(whole, { params: size }),
    promisify(gzip)(whole, { level: 9 }),
  ]);
  // Headers for what is compressed cost more than a few bytes less.
  if (variants.some((bytes) => bytes.length > whole.length * 0.9)) return;
  const target = path.join(packed, name);
  mkdirSync(path.dirname(target), { recursive: true });
  writeFileSync(`${target}.br`, variants[0]);
  writeFileSync(`${target}.gz`, variants[1]);
}

rmSync(packed, { recursive: true, force: true });
const files = readdirSync(dist, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && TEXT.has(path.extname(entry.name)))
  .map((entry) => path.relative(dist, path.join(entry.parentPath, entry.name)))
  .filter((name) => !name.startsWith("."));
// Together: the compressors have threads of their own.
await Promise.all(files.map(pack));
