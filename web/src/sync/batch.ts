/** Gathers what comes in quick succession: the first goes on at once, what follows within a frame goes on together. */

export type Batch<T> = { readonly add: (item: T) => void; readonly flush: () => void };

/** A hidden tab's timers may be a minute late: no more than this waits for them. */
const HELD_MAX = 1_000;

/** `later` calls back once after about the length of a frame. */
export function newBatch<T>(deliver: (items: T[]) => void, later: (then: () => void) => void): Batch<T> {
  let held: T[] = [];
  let waiting = false;
  const flush = () => {
    if (held.length === 0) return;
    const items = held;
    held = [];
    deliver(items);
  };
  const wait = () => {
    waiting = true;
    later(() => {
      waiting = false;
      if (held.length === 0) return;
      flush();
      wait();
    });
  };
  return {
    add: (item) => {
      held.push(item);
      if (waiting && held.length < HELD_MAX) return;
      flush();
      if (!waiting) wait();
    },
    flush,
  };
}
