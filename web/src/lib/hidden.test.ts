/** Characters that act without being seen are found, and ordinary text is left alone. */
import { expect, it } from "vitest";
import { hiddenCount, segments, signOf, unveiled } from "./hidden";

it("shows a mark that turns the direction of text", () => {
  expect(segments("ev\u202Egnp.exe")).toEqual([
    { text: "ev" },
    { hidden: "bidi", code: "202E" },
    { text: "gnp.exe" },
  ]);
});

it("shows control characters by their names", () => {
  expect(segments("a\x1b[2K\x7f")).toEqual([
    { text: "a" },
    { hidden: "control", code: "001B" },
    { text: "[2K" },
    { hidden: "control", code: "007F" },
  ]);
  expect(signOf("001B")).toBe("ESC");
  expect(signOf("007F")).toBe("DEL");
  expect(signOf("202E")).toBe("U+202E");
});

it("leaves lines, tabs, accents, emoji and right-to-left scripts alone", () => {
  for (const text of ["a\n\tb", "naïve", "👩‍💻 done", "שלום", "line\r\nline"])
    expect(hiddenCount(text), text).toBe(0);
  expect(segments("line\r\nline")).toEqual([{ text: "line\nline" }]);
});

it("finds characters without room, and tags", () => {
  expect(hiddenCount("a\u200bb\u{e0041}")).toBe(2);
});

it("is stricter in commands: joiners, odd spaces and a lone carriage return", () => {
  expect(hiddenCount("rm\u00a0-rf \u200dx", "command")).toBe(2);
  expect(segments("ls\rrm", "command")).toEqual([
    { text: "ls" },
    { hidden: "control", code: "000D" },
    { text: "rm" },
  ]);
  expect(hiddenCount("a\r\nb", "command")).toBe(1);
});

it("gives empty text back as one piece", () => {
  expect(segments("")).toEqual([{ text: "" }]);
});

it("names hidden characters in the text itself", () => {
  expect(unveiled("if admin \u202E} x")).toBe("if admin [U+202E]} x");
  expect(unveiled("a\r\nb\tc")).toBe("a\r\nb\tc");
});
