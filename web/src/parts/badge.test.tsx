/** The word of a state is always there, whatever the look. */
import { renderToStaticMarkup } from "react-dom/server";
import { expect, it } from "vitest";
import { Badge } from "./badge";

it.each(["word", "chip", "glyph"] as const)("says the state as %s", (look) => {
  expect(renderToStaticMarkup(<Badge badge="needs-you" look={look} />)).toContain("needs you");
});

it("small thing 39: names a state of a newer server", () => {
  expect(renderToStaticMarkup(<Badge badge="dreaming" />)).toContain("unknown: dreaming");
});

it("pulses only while something runs", () => {
  const pulses = (badge: string) => renderToStaticMarkup(<Badge badge={badge} />).includes("animate-pulse");
  expect(pulses("running")).toBe(true);
  expect(pulses("idle")).toBe(false);
  expect(pulses("needs-you")).toBe(false);
});
