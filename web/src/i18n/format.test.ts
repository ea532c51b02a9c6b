/** Ages, durations and amounts as they are read. */
import { describe, expect, it } from "vitest";
import { age, ageLasts, clock, context, duration, instant, money, size, tokens, tokensInOut } from "./format";

const now = new Date(2026, 10, 21, 14, 2, 0).getTime();
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe("age", () => {
  it.each([
    [-5 * SECOND, "now"],
    [4 * SECOND, "now"],
    [41 * SECOND, "41 s"],
    [59.9 * SECOND, "59 s"],
    [MINUTE, "1 m"],
    [3 * HOUR + 59 * MINUTE, "3 h"],
    [13 * DAY, "13 d"],
    [20 * DAY, "Nov 1"],
    [400 * DAY, "Oct 17, 2025"],
  ])("of %d ms is %s", (past, text) => {
    expect(age(now - past, now)).toBe(text);
  });

  it("lasts until its text changes, and not longer", () => {
    for (const past of [0, 4_200, 41_300, 61_000, 5 * HOUR + 3, 3 * DAY + 7]) {
      const at = now - past;
      const lasts = ageLasts(at, now);
      expect(lasts).toBeGreaterThan(0);
      expect(age(at, now + lasts - 1)).toBe(age(at, now));
    }
    expect(age(now - 41_300, now + ageLasts(now - 41_300, now))).toBe("42 s");
  });
});

it("reads instants, and refuses what is none", () => {
  expect(instant("2026-11-21T08:00:00Z")).toBe(Date.UTC(2026, 10, 21, 8));
  expect(instant("soon")).toBeNull();
  expect(instant(null)).toBeNull();
});

it.each([
  [0, "0 s"],
  [240, "0.2 s"],
  [9_960, "10 s"],
  [59_600, "1 m"],
  [125_000, "2 m 5 s"],
  [3_600_000, "1 h"],
  [3_780_000, "1 h 3 m"],
  [27 * HOUR, "1 d 3 h"],
])("duration of %d ms is %s", (ms, text) => {
  expect(duration(ms)).toBe(text);
});

it.each([
  [0, "0"],
  [950, "950"],
  [1_234, "1.2k"],
  [9_960, "10k"],
  [31_234, "31k"],
  [999_600, "1M"],
  [1_400_000, "1.4M"],
])("%d tokens are %s", (n, text) => {
  expect(tokens(n)).toBe(text);
});

it("tells tokens in and out, and how full the context is", () => {
  expect(tokensInOut(31_234, 2_000)).toBe("31k in, 2k out");
  expect(context(12_000, 200_000)).toBe("12k of 200k");
});

it("shows small money with figures that say something, and an unknown currency by its name", () => {
  expect(money(1.234, "USD")).toBe("$1.23");
  expect(money(0.00421, "USD")).toBe("$0.0042");
  expect(money(2, "CREDITS")).toBe("2 CREDITS");
});

it.each([
  [1, "1 byte"],
  [412, "412 bytes"],
  [12_300, "12 KB"],
  [1_400_000, "1.4 MB"],
])("%d bytes are %s", (n, text) => {
  expect(size(n)).toBe(text);
});

it("leaves the day out of a time of today", () => {
  expect(clock(now - HOUR, now)).toBe("13:02");
  expect(clock(now - 2 * DAY, now)).toBe("Nov 19, 14:02");
});
