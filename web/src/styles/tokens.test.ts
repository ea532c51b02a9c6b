/** Both themes define every token, and every pair of text and ground can be read (WCAG AA). */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const css = readFileSync(new URL("./tokens.css", import.meta.url), "utf8");
const themes = { light: block('[data-theme="light"] {'), dark: block('[data-theme="dark"] {') };
const tones = ["attention", "bad", "warn", "busy", "good", "quiet"];
const grounds = ["surface-0", "surface-1", "surface-2", "surface-3"];
const ansi = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
const code = ["keyword", "string", "constant", "comment", "function", "parameter", "punctuation", "link"];

function block(head: string): ReadonlyMap<string, string> {
  const from = css.indexOf(head);
  const body = css.slice(from + head.length, css.indexOf("}", from));
  return new Map([...body.matchAll(/--([\w-]+):\s*([^;]+);/g)].map((m) => [m[1] ?? "", m[2] ?? ""]));
}

function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const c = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [dark = 0, light = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

describe("tokens", () => {
  it("are the same in both themes", () => {
    expect([...themes.dark.keys()]).toEqual([...themes.light.keys()]);
    expect(themes.light.size).toBeGreaterThan(40);
  });

  const texts = [
    ...["text-1", "text-2", "text-3", "accent-text"].flatMap((ink) => grounds.map((on) => [ink, on])),
    ...tones.flatMap((tone) =>
      [...grounds.slice(0, 3), `tone-${tone}-tint`].map((on) => [`tone-${tone}-ink`, on]),
    ),
    ...tones.flatMap((tone) => ["text-1", "text-2", "text-3"].map((ink) => [ink, `tone-${tone}-tint`])),
    ...ansi.flatMap((color) => grounds.slice(0, 3).map((on) => [`ansi-${color}`, on])),
    ...code.flatMap((token) =>
      ["surface-0", "surface-1", "tone-good-tint", "tone-bad-tint"].map((on) => [`code-token-${token}`, on]),
    ),
    ["text-1", "selection"],
    ["accent-ink", "accent"],
    ["accent-ink", "accent-strong"],
  ];
  const shapes = [
    ...tones.flatMap((tone) =>
      [...grounds.slice(0, 3), `tone-${tone}-tint`].map((on) => [`tone-${tone}`, on]),
    ),
    ...["line-strong", "focus"].flatMap((ink) => grounds.slice(0, 3).map((on) => [ink, on])),
  ];

  for (const [name, theme] of Object.entries(themes)) {
    it.each(texts)(`${name}: text %s on %s is read at 4.5`, (ink = "", on = "") => {
      expect(contrast(theme.get(ink) ?? "", theme.get(on) ?? "")).toBeGreaterThanOrEqual(4.5);
    });
    it.each(shapes)(`${name}: shape %s on %s is seen at 3`, (ink = "", on = "") => {
      expect(contrast(theme.get(ink) ?? "", theme.get(on) ?? "")).toBeGreaterThanOrEqual(3);
    });
  }
});
