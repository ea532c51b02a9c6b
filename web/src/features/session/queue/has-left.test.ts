import { expect, it } from "vitest";
import { aText, teller } from "../../../../test/build";
import { newLog, type Log } from "@/store/log";
import { extend } from "@/store/transcript";
import { hasLeft } from "./has-left";

const tell = teller("ses_1");
const queued = tell({ type: "turn_queued", turn: "trn_1", content: aText("Then this"), source: "user" });
const started = tell({ type: "turn_started", turn: "trn_1", number: 1 });

const empty = newLog("ses_1");
const waits: Log = { ...empty, is: "ready", transcript: extend(empty.transcript, [queued]) };
const taken: Log = { ...empty, is: "ready", transcript: extend(waits.transcript, [started]) };

it("has left once it was taken, also while the server is away", () => {
  expect(hasLeft({ ...waits, caught_up: true }, "trn_1")).toBe(false);
  expect(hasLeft({ ...taken, caught_up: true }, "trn_1")).toBe(true);
  expect(hasLeft({ ...taken, caught_up: false }, "trn_1")).toBe(true);
});

it("is not known where the log is read anew and has not come to it", () => {
  expect(hasLeft(empty, "trn_1")).toBe(false);
  expect(hasLeft({ ...empty, caught_up: true }, "trn_1")).toBe(true);
});

it("is not known far from the end of the log", () => {
  for (const log of [empty, waits, taken])
    expect(hasLeft({ ...log, live: false, caught_up: true }, "trn_1")).toBe(false);
});
