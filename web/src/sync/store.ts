/** Holds the state of a tab. Folds at once and tells once per frame; a hidden tab folds on and paints nothing. */
import { foldAll, type Ask, type Input } from "@/store/fold";
import { nothing, type State } from "@/store/state";

export type Store = {
  /** As it is now. */
  readonly get: () => State;
  /** As it was last told: what a frame is drawn from. */
  readonly shown: () => State;
  readonly put: (...inputs: Input[]) => void;
  readonly subscribe: (listener: () => void) => () => void;
};

/** `carryOut` does what the fold asks for; `soon` calls back once before the next paint; `noted` sees all that was put, at once. */
export function newStore(
  carryOut: (ask: Ask) => void,
  soon: (then: () => void) => void,
  noted: (state: State, inputs: readonly Input[]) => void = () => undefined,
): Store {
  let state = nothing;
  let shown = nothing;
  let due = false;
  const listeners = new Set<() => void>();
  const tell = () => {
    due = false;
    if (shown === state) return;
    shown = state;
    for (const listener of listeners) listener();
  };
  return {
    get: () => state,
    shown: () => shown,
    put: (...inputs) => {
      if (inputs.length === 0) return;
      const folded = foldAll(state, inputs);
      state = folded.state;
      if (!due && state !== shown) {
        due = true;
        soon(tell);
      }
      noted(state, inputs);
      for (const ask of folded.asks) carryOut(ask);
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
