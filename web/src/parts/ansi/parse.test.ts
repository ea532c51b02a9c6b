/** Terminal output becomes lines of styled text, and nothing in it acts. */
import { describe, expect, it } from "vitest";
import { movesCursor, parseAnsi, type AnsiLine } from "./parse";
import { countLines, tail } from "./tail";

const text = (lines: readonly AnsiLine[]) => lines.map((line) => line.map((span) => span.text).join(""));

describe("parseAnsi", () => {
  it("cuts lines and keeps the style over their ends", () => {
    expect(parseAnsi("a\x1b[1;31mb\nc\x1b[0md\r\n")).toEqual([
      [
        { text: "a", style: {} },
        { text: "b", style: { bold: true, fg: "red" } },
      ],
      [
        { text: "c", style: { bold: true, fg: "red" } },
        { text: "d", style: {} },
      ],
    ]);
  });

  it("takes back what it set", () => {
    const [line] = parseAnsi("\x1b[1;3;4;7;9;32;44mx\x1b[22;23;24;27;29;39;49my");
    expect(line?.[0]?.style).toEqual({
      bold: true,
      italic: true,
      underline: true,
      inverse: true,
      strike: true,
      fg: "green",
      bg: "blue",
    });
    expect(line?.[1]?.style).toEqual({});
  });

  it.each([
    ["38;5;196", "red"],
    ["38;5;2", "green"],
    ["38;5;250", "white"],
    ["38;2;10;20;240", "blue"],
    ["38:2::240:240:10", "yellow"],
    ["38;2;90;90;90", "black"],
    ["95", "magenta"],
  ])("brings color %s down to %s", (code, color) => {
    expect(parseAnsi(`\x1b[${code}mx`)[0]?.[0]?.style.fg).toBe(color);
  });

  it("goes on after a wide color", () => {
    expect(parseAnsi("\x1b[38;5;196;1mx")[0]?.[0]?.style).toEqual({ fg: "red", bold: true });
    expect(parseAnsi("\x1b[38;2;0;0;255;4mx")[0]?.[0]?.style).toEqual({ fg: "blue", underline: true });
  });

  it("shows the last state of a progress bar", () => {
    expect(text(parseAnsi("10%\r50%\r100%\ndone\r\n"))).toEqual(["100%", "done"]);
    expect(text(parseAnsi("building\r\x1b[Kdone"))).toEqual(["done"]);
  });

  it("leaves out titles, links and cursor moves, and keeps stray control characters to be shown", () => {
    expect(
      text(parseAnsi("\x1b]0;title\x07a\x1b]8;;https://x.example\x1b\\link\x1b]8;;\x1b\\\x1b[2Ab\x07")),
    ).toEqual(["alinkb\x07"]);
  });

  it("does not hide what wants to be hidden", () => {
    expect(parseAnsi("\x1b[8msecret")[0]).toEqual([{ text: "secret", style: { dim: true } }]);
  });

  it("is quick on a megabyte", () => {
    const long = "\x1b[32mok\x1b[0m some words on a line\n".repeat(30_000);
    const before = performance.now();
    expect(parseAnsi(long)).toHaveLength(30_000);
    expect(performance.now() - before).toBeLessThan(1000);
  });
});

describe("movesCursor", () => {
  it.each(["\x1b[2A", "\x1b[H", "\x1b[2J", "\x1b[?1049h", "ab\bc"])("tells %j", (moving) => {
    expect(movesCursor(moving)).toBe(true);
  });
  it.each(["plain", "\x1b[31mred", "10%\r20%", "\x1b[K", "\x1b]0;t\x07"])("leaves %j", (still) => {
    expect(movesCursor(still)).toBe(false);
  });
});

describe("tail", () => {
  const lines = Array.from({ length: 100 }, (_, i) => `line ${i}`).join("\n");

  it("counts lines", () => {
    expect([countLines(""), countLines("a"), countLines("a\n"), countLines("a\nb")]).toEqual([0, 1, 1, 2]);
  });
  it("gives the last lines", () => {
    expect(tail(lines, 2)).toBe("line 98\nline 99");
    expect(tail(`${lines}\n`, 2)).toBe("line 98\nline 99\n");
    expect(tail("a\nb", 20)).toBe("a\nb");
  });
  it("keeps the style in force", () => {
    expect(parseAnsi(tail("\x1b[1mx\x1b[0m\x1b[31ma\nb\nc", 2))[0]?.[0]).toEqual({
      text: "b",
      style: { fg: "red" },
    });
  });
});
