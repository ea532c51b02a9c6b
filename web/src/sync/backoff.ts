/** How long to wait before the next try: 1 s, doubled to 30 s, with chance in the upper half only; without end. */

const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;

/** Milliseconds before try number `tries` + 1. `chance` is in [0, 1). */
export function backoff(tries: number, chance: number): number {
  const whole = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(tries, 10));
  return whole / 2 + (whole / 2) * chance;
}
