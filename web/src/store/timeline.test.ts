/** The turns and their times. */
import { describe, expect, it } from "vitest";
import { golden, realRun } from "../../test/golden";
import { chunks, random, seeds } from "../../test/random";
import { newTimeline } from "./timeline";
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
