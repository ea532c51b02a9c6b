/** The tables of words: whole, filled in, without a hole in their manner. */
import { describe, expect, it } from "vitest";
import { pieces, regionOf, t } from ".";
import { en } from "./en";

describe("t", () => {
  it("fills placeholders and writes numbers as people do", () => {
    expect(t("shared.tokens.both", { input: "31k", output: 2400 })).toBe("31k in, 2,400 out");
  });

  it("takes the form for the number", () => {
    expect(t("shared.diff.added", { count: 1 })).toBe("1 line added");
    expect(t("shared.diff.added", { count: 3412 })).toBe("3,412 lines added");
    expect(t("shared.diff.added", { count: 0 })).toBe("0 lines added");
  });

  it("cuts a sentence at its placeholders", () => {
    expect(pieces("shared.tokens.both")).toEqual([
      { name: "input" },
      { text: " in, " },
      { name: "output" },
      { text: " out" },
    ]);
  });

  it("takes the browser's region of its own language only", () => {
    expect(regionOf("en", ["de-DE", "en-IE", "en-US"])).toBe("en-IE");
    expect(regionOf("en", ["de-DE"])).toBe("en");
  });
});

describe("words", () => {
  const all = leaves(en, "");

  it("are there", () => {
    expect(all.length).toBeGreaterThan(80);
  });

  it.each(all)("%s says something, calmly", (_, text) => {
    expect(text.trim()).toBe(text);
    expect(text).not.toBe("");
    // The sign for "needs you" in a title is no cry.
    expect(text.replace("<!>", "")).not.toMatch(/!|Oops|^Loading…$|please/i);
  });
});

function leaves(at: object, path: string): [string, string][] {
  return Object.entries(at).flatMap(([key, value]): [string, string][] => {
    const here = path === "" ? key : `${path}.${key}`;
    return typeof value === "string" ? [[here, value]] : leaves(value, here);
  });
}
