/** The heights are those that the viewer draws, as measured in a browser. */
import { expect, it } from "vitest";
import { likelyDiffHeight } from "./tool-content";

const lines = (count: number) => Array.from({ length: count }, (_, at) => `l${at}\n`).join("");
const height = (before: string | null, after: string) => likelyDiffHeight({ path: "a.ts", before, after });

it.each([
  ["a short file", "let a = 1;\n", "let a = 2;\nlet b;\n", 76],
  ["a new file", null, lines(5), 116],
  ["a change at the top, with a rest too short to fold", lines(6), lines(6).replace("l0\n", "z\n"), 156],
  ["a change at the end", lines(30), lines(30).replace("l29\n", "x29\n"), 168],
  ["a change in the middle", lines(30), lines(30).replace("l10\n", "x10\ny\n"), 300],
])("%s is as high as it will be drawn", (_, before, after, drawn) => {
  expect(height(before, after)).toBe(drawn);
});

it("of changes far apart it is near", () => {
  const after = lines(40).replace("l5\n", "x\n").replace("l25\n", "y\n");
  expect(Math.abs(height(lines(40), after) - 500)).toBeLessThanOrEqual(20);
});
