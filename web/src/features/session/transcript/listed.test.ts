import { describe, expect, it } from "vitest";
import type { Row } from "@/store/rows";
import { countNew, listed } from "./listed";

const row = (kind: "start" | "older" | "newer" | "new", seq = 1): Row => ({
  kind,
  id: `${kind}:${seq}`,
  version: "1",
  seq,
  turn: null,
});
const turn = (prompt: null): Row => ({
  kind: "turn",
  id: "turn:t:rest",
  version: "1",
  seq: 5,
  turn: "t",
  record: null,
  prompt,
});

describe("the rows of the list", () => {
  it("leave out what only says that there is more", () => {
    const made = listed([row("older"), row("new", 6), row("newer", 9)]);
    expect(made).toMatchObject({ before: "older", after: "newer" });
    expect(made.rows.map(({ kind }) => kind)).toEqual(["new"]);
  });
  it("leave out the head of a turn that loses it when its prompt comes", () => {
    expect(listed([row("older"), turn(null), row("new", 6)]).rows.map(({ kind }) => kind)).toEqual(["new"]);
  });
  it("count what came after the end was left, without the line that says so", () => {
    expect(
      countNew([turn(null), { ...turn(null), seq: 8 }, row("new", 8), { ...turn(null), seq: 9 }], 7),
    ).toBe(2);
    expect(countNew([turn(null)], 5)).toBe(0);
  });
});
