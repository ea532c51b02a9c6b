/** What costs time to draw waits until the view rests, and then comes one after the other: scrolling stays quick. */
import { createContext, useContext, useEffect, useState } from "react";

export type Calm = {
  readonly moves: () => boolean;
  /** The view moved just now. */
  readonly stir: () => void;
  /** Calls back when it is this one's turn. */
  readonly wait: (then: () => void) => () => void;
};

/** The view rests after so long without a move. */
const REST = 150;

export function newCalm(): Calm {
  const waiting = new Set<() => void>();
  let moved = -Infinity;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const moves = () => performance.now() - moved < REST;
  const next = () => {
    timer = undefined;
    if (moves()) return plan(REST);
    const [first] = waiting;
    if (first === undefined) return;
    waiting.delete(first);
    first();
    plan(16);
  };
  const plan = (ms: number) => {
    if (waiting.size > 0) timer ??= setTimeout(next, ms);
  };
  return {
    moves,
    stir: () => {
      moved = performance.now();
    },
    wait: (then) => {
      waiting.add(then);
      plan(moves() ? REST : 0);
      return () => waiting.delete(then);
    },
  };
}

const CalmContext = createContext<Calm>(newCalm());

export const CalmProvider = CalmContext.Provider;

/** Whether what is costly may be drawn now; once it may, it may. */
export function useCalm(): boolean {
  const calm = useContext(CalmContext);
  const [ready, setReady] = useState(false);
  useEffect(() => {
    if (!ready) return calm.wait(() => setReady(true));
  }, [calm, ready]);
  return ready;
}
