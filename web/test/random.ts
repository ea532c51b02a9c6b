/** Numbers that look random and are the same each time: a failure names its seed. */

export type Random = {
  /** From 0 up to, not including, 1. */
  readonly next: () => number;
  /** A whole number from 0 up to, not including, `below`. */
  readonly below: (below: number) => number;
  readonly chance: (of: number) => boolean;
  readonly pick: <T>(from: readonly T[]) => T;
};

/** A generator by Marsaglia's xorshift on 32 bits. */
export function random(seed: number): Random {
  let x = (seed * 2654435761 + 1) | 0 || 1;
  const next = () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) / 2 ** 32;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    next,
    below,
    chance: (of) => next() < of,
    pick: (from) => {
      const found = from[below(from.length)];
      if (found === undefined) throw new Error("nothing to pick from");
      return found;
    },
  };
}

/** Cuts a list into pieces of random length. */
export function chunks<T>(of: readonly T[], by: Random, most = 7): readonly (readonly T[])[] {
  const cut: T[][] = [];
  for (let at = 0; at < of.length;) {
    const length = 1 + by.below(most);
    cut.push(of.slice(at, at + length));
    at += length;
  }
  return cut;
}

export const seeds = (count: number): readonly number[] => Array.from({ length: count }, (_, at) => at + 1);
