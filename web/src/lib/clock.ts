/** One clock for all ages on the page. It writes text nodes: no component renders again because time passes. */
export type Ticking = {
  /** Writes what is due at `now` and tells in how many milliseconds that changes. */
  readonly write: (now: number) => number;
};

const ticking = new Set<Ticking>();
let timer: ReturnType<typeof setTimeout> | undefined;
let due = Infinity;

/** Keeps something in step with the clock until the answer is called. */
export function keepTime(one: Ticking): () => void {
  ticking.add(one);
  plan(Date.now() + one.write(Date.now()));
  return () => {
    ticking.delete(one);
  };
}

function plan(at: number): void {
  if (at >= due) return;
  clearTimeout(timer);
  due = at;
  timer = setTimeout(tick, Math.max(0, at - Date.now()));
}

function tick(): void {
  const now = Date.now();
  due = Infinity;
  // A hidden page says nothing; it catches up when it is seen again.
  if (typeof document !== "undefined" && document.hidden) {
    document.addEventListener("visibilitychange", tick, { once: true });
    return;
  }
  let next = Infinity;
  for (const one of ticking) next = Math.min(next, one.write(now));
  // At most one round in half a second, however many ages change at uneven moments.
  if (next < Infinity) plan(now + Math.max(500, next));
}
