/** A page asks for one thing only. */
import { expect, it } from "vitest";
import { pageMessage } from "./page-messages";

it("takes a page's wish to be in the worker's charge, and nothing else", () => {
  expect(pageMessage({ is: "claim" })).toEqual({ is: "claim" });
  for (const other of [null, 1, {}, { is: "open", href: "/" }]) expect(pageMessage(other)).toBeNull();
});
