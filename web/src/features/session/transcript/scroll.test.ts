import { describe, expect, it } from "vitest";
import { following, holdsEnd, scroll, type Moved, type Scroll } from "./scroll";

const by = (px: number, gap: number, who: "person" | "page" = "person"): Moved => ({
  is: "scrolled",
  by: px,
  gap,
  who,
  last: 10,
});
const run = (moves: readonly Moved[], from: Scroll = following) => moves.reduce(scroll, from);

describe("scroll", () => {
  it("leaves the end at one pixel up", () => {
    expect(run([by(-1, 1)])).toEqual({ mode: "reading", left: 10 });
  });
  it("small thing 10: leaves the end at a wheel notch before anything moved", () => {
    expect(run([{ is: "up", last: 4 }])).toEqual({ mode: "reading", left: 4 });
  });
  it("stays away from the end although it is near, as long as nobody goes down", () => {
    expect(run([by(-1, 1), by(-5, 6), by(30, 20, "page")]).mode).toBe("reading");
  });
  it("comes back within 40 pixels, and not at 41", () => {
    expect(run([by(-200, 200), by(159, 41)]).mode).toBe("reading");
    expect(run([by(-200, 200), by(160, 40)])).toBe(following);
  });
  it("does not take what the page does for what a person does", () => {
    expect(run([by(-300, 300, "page")])).toBe(following);
  });
  it("is not fooled by a content that became shorter", () => {
    expect(run([by(-300, 0)])).toBe(following);
  });
  it("stops following when text is selected or something is opened", () => {
    expect(run([{ is: "selected", last: 7 }])).toEqual({ mode: "reading", left: 7 });
    expect(run([{ is: "folded", last: 7 }])).toEqual({ mode: "reading", left: 7 });
  });
  it("jumps to the end and follows from there", () => {
    const jumping = run([by(-500, 500), { is: "to_end", last: 40 }]);
    expect(jumping).toEqual({ mode: "jumping", to: { is: "end" }, left: 10 });
    expect(holdsEnd(jumping)).toBe(true);
    expect(scroll(jumping, { is: "arrived", last: 40 })).toBe(following);
  });
  it("gives up a jump when somebody goes up", () => {
    expect(run([by(-500, 500), { is: "to_end", last: 40 }, { is: "up", last: 41 }])).toEqual({
      mode: "reading",
      left: 10,
    });
  });
  it("reads at the row that a link names", () => {
    const jumping = run([{ is: "to_row", id: null, seq: 3, top: 0, last: 9 }]);
    expect(holdsEnd(jumping)).toBe(false);
    expect(scroll(jumping, { is: "arrived", last: 9 })).toEqual({ mode: "reading", left: 9 });
  });
});
