/** One timer for everything that ticks. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { keepTime } from "./clock";

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

it("writes at once, then when it is due, then no more", () => {
  const writes: number[] = [];
  const stop = keepTime({ write: (now) => (writes.push(now), 1000) });
  expect(writes).toEqual([1_000_000]);
  vi.advanceTimersByTime(2000);
  expect(writes).toEqual([1_000_000, 1_001_000, 1_002_000]);
  stop();
  vi.advanceTimersByTime(5000);
  expect(writes).toHaveLength(3);
  expect(vi.getTimerCount()).toBe(0);
});

it("needs one timer for a hundred ages", () => {
  const stops = Array.from({ length: 100 }, (_, i) => keepTime({ write: () => 1000 + i }));
  expect(vi.getTimerCount()).toBe(1);
  for (const stop of stops) stop();
  vi.runAllTimers();
});
