/** Gathers what comes in quick succession: the first goes on at once, what follows within a frame goes on together. */

export type Batch<T> = { readonly add: (item: T) => void; readonly flush: () => void };

/** `later` calls back once after about the length of a frame, also in a hidden tab. */
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
      if (waiting) return;
      flush();
      wait();
    },
    flush,
  };
}
