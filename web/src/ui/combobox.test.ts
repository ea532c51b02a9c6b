/** Walking through suggestions with the arrow keys. */
import { expect, it } from "vitest";
import { nextAt } from "./combobox";

it("goes round, with a place where nothing is chosen", () => {
  expect([nextAt(-1, 1, 2), nextAt(0, 1, 2), nextAt(1, 1, 2)]).toEqual([0, 1, -1]);
  expect([nextAt(-1, -1, 2), nextAt(1, -1, 2), nextAt(0, -1, 2)]).toEqual([1, 0, -1]);
  expect(nextAt(-1, 1, 0)).toBe(-1);
});
