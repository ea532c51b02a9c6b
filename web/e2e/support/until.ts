/** Waiting for what must become true. There is no other waiting in these tests. */

const LOOK_MS = 10;

/** Resolves with the first result that is neither `false`, `null` nor `undefined`. */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  within = 20_000,
): Promise<Exclude<T, false | null | undefined>> {
  const end = performance.now() + within;
  for (;;) {
    const seen = await look();
    if (seen !== false && seen !== null && seen !== undefined)
      return seen as Exclude<T, false | null | undefined>;
    if (performance.now() > end) throw new Error(`not within ${within} ms: ${what}`);
    await new Promise((then) => setTimeout(then, LOOK_MS));
  }
}
