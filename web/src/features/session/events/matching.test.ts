/** Events are found by type and by all words of a text. */
import { expect, test } from "vitest";
import type { Event } from "@/store/types";
import { gist, matching, typesOf } from "./matching";

const event = (seq: number, type: string, more: object = {}): Event => ({
  session: "ses_1",
  seq,
  pos: seq,
  at: "2027-01-15T08:00:00Z",
  type,
  ...more,
});

const events = [
  event(1, "turn_started", { number: 1 }),
  event(2, "log_note", { detail: "Disk is full" }),
  event(3, "turn_started"),
];

test("by type", () => {
  expect(matching(events, "turn_started", "").map((one) => one.seq)).toEqual([1, 3]);
  expect(typesOf(events)).toEqual(["log_note", "turn_started"]);
});

test("by all words, in any case and order", () => {
  expect(matching(events, "", "FULL disk").map((one) => one.seq)).toEqual([2]);
  expect(matching(events, "", "full empty")).toEqual([]);
  expect(matching(events, "turn_started", "disk")).toEqual([]);
});

test("nothing asked is the same list", () => {
  expect(matching(events, "", " ")).toBe(events);
});

test("the gist leaves out what each event has", () => {
  expect(gist(event(1, "turn_started", { number: 1, turn: "trn_1" }))).toBe('{"number":1}');
  expect(gist(event(3, "turn_started"))).toBe("");
});
