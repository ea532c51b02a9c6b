/** The turns and their times. */
import { describe, expect, it } from "vitest";
import { golden, realRun } from "../../test/golden";
import { chunks, random, seeds } from "../../test/random";
import { isRunning, lengthOf, newTimeline } from "./timeline";
import { extend, noTranscript } from "./transcript";

describe("the timeline of a real run", () => {
  const turns = newTimeline()(extend(noTranscript, realRun.events));

  it("has each turn with what it did and how it ended", () => {
    expect(turns.map((turn) => [turn.number, turn.ended?.stop_reason, turn.tools])).toEqual([
      [1, "end_turn", 9],
      [2, "end_turn", 2],
      [3, "end_turn", 2],
      [4, "cancelled", 2],
      [5, "failed", 0],
      [6, "interrupted", 0],
      [7, "cancelled", 2],
      [8, "end_turn", 2],
    ]);
    expect(turns[0]).toMatchObject({ asked: 2, failed: 1 });
    expect(turns.at(-1)?.took_ms).toBe(realRun.session?.last_turn?.duration_ms);
  });

  it("has its pieces within the time of their turn", () => {
    for (const turn of turns) {
      for (const span of turn.spans) {
        expect(span.from).toBeGreaterThanOrEqual(0);
        expect(span.to).toBeGreaterThanOrEqual(span.from);
        expect(span.to).toBeLessThanOrEqual(turn.took_ms ?? 0);
      }
    }
  });
});

it("measures a running turn by the clock, and an ended one by its events", () => {
  const [first] = newTimeline()(extend(noTranscript, realRun.events));
  if (!first?.started_at) throw new Error("no turn");
  const start = Date.parse(first.started_at);
  expect(lengthOf(first, start + 1e9)).toBe(first.took_ms);
  const running = { ...first, ended: null, ended_at: null, took_ms: null };
  expect([isRunning(first), isRunning(running)]).toEqual([false, true]);
  expect(lengthOf(running, start + 1e9)).toBe(1e9);
  // A clock that is behind does not make it shorter than what is known of it.
  const known = Math.max(...running.spans.map((span) => span.to ?? span.from));
  expect(lengthOf(running, start - 1e9)).toBe(known);
});

it.each(golden)("is in pieces what it is at once: $name", ({ events }) => {
  for (const seed of seeds(20)) {
    const timeline = newTimeline();
    let transcript = noTranscript;
    for (const piece of chunks(events, random(seed))) {
      const before = timeline(transcript);
      transcript = extend(transcript, piece);
      const after = timeline(transcript);
      expect(after).toEqual(newTimeline()(transcript));
      for (const turn of before) if (turn.ended) expect(after).toContain(turn);
    }
  }
});
