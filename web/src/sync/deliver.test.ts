/** How messages are gathered, and in which order they reach the store. */
import { describe, expect, it } from "vitest";
import { aFrame, numbered, teller } from "../../test/build";
import { newBatch } from "./batch";
import { deliveries } from "./deliver";
import type { Received } from "./wire";

describe("a batch", () => {
  function stage() {
    const delivered: number[][] = [];
    const waiting: (() => void)[] = [];
    const batch = newBatch<number>(
      (items) => delivered.push(items),
      (then) => waiting.push(then),
    );
    return { batch, delivered, frame: () => waiting.shift()?.() };
  }

  it("lets the first through at once, and what follows within a frame together", () => {
    const { batch, delivered, frame } = stage();
    for (const n of [1, 2, 3]) batch.add(n);
    expect(delivered).toEqual([[1]]);
    frame();
    expect(delivered).toEqual([[1], [2, 3]]);
    batch.add(4);
    frame();
    frame();
    batch.add(5);
    expect(delivered).toEqual([[1], [2, 3], [4], [5]]);
  });

  it("waits for no frame when very much comes, as in a hidden tab", () => {
    const { batch, delivered } = stage();
    for (let n = 0; n < 5_000; n++) batch.add(n);
    expect(delivered.flat().length).toBeGreaterThan(4_000);
    expect(delivered.flat()).toEqual(Array.from(delivered.flat(), (_, at) => at));
  });
});

describe("a delivery", () => {
  const tell = teller("ses_1");
  const event = () => ({
    is: "event" as const,
    session: "ses_1",
    event: tell({ type: "turn_started", turn: "trn_1", number: 1 }),
  });
  const frame = (n: number): Received => ({ is: "frame", frame: aFrame(numbered(n)) });

  it("keeps runs together and everything in its order", () => {
    const other: Received = { ...event(), session: "ses_2" };
    const end: Received = { is: "caught_up", topic: "list", after: 3 };
    const made = deliveries([event(), event(), other, frame(1), frame(2), end, event()]);
    expect(made.map(({ inputs }) => inputs.map((input) => input.is))).toEqual([
      ["events", "events", "frames"],
      ["events"],
    ]);
    expect(made.map(({ told, then }) => [told, then?.is ?? null])).toEqual([
      [5, "caught_up"],
      [1, null],
    ]);
  });

  it("of what is not understood is nothing", () => {
    expect(deliveries([{ is: "other" }])).toEqual([]);
  });
});
