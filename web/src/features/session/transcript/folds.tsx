/** Which rows are open. Kept outside of the rows: those come and go while somebody scrolls. */
import { createContext, useCallback, useContext, useSyncExternalStore } from "react";

export type Folds = {
  readonly get: (id: string) => boolean | undefined;
  /** Opens or closes a row. `by`: a person, so that what was clicked stays where it is. */
  readonly set: (id: string, open: boolean) => void;
  /** Opens or closes all of a kind at once. */
  readonly setAll: (kind: string, open: boolean) => void;
  readonly subscribe: (listener: () => void) => () => void;
  /** Called before something opens or closes. */
  onToggle: () => void;
};

export function newFolds(): Folds {
  const own = new Map<string, boolean>();
  const kinds = new Map<string, boolean>();
  const listeners = new Set<() => void>();
  const tell = () => {
    for (const listener of listeners) listener();
  };
  return {
    get: (id) => own.get(id) ?? kinds.get(id.slice(0, id.indexOf(":"))),
    set(id, open) {
      this.onToggle();
      own.set(id, open);
      tell();
    },
    setAll(kind, open) {
      this.onToggle();
      for (const id of own.keys()) if (id.startsWith(`${kind}:`)) own.delete(id);
      kinds.set(kind, open);
      tell();
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onToggle: () => undefined,
  };
}

const FoldsContext = createContext<Folds>(newFolds());

export const FoldsProvider = FoldsContext.Provider;

/** Whether a row is open, and what opens and closes it. */
export function useFold(id: string, itself: "open" | "closed"): readonly [boolean, () => void] {
  const folds = useContext(FoldsContext);
  const read = useCallback(() => folds.get(id), [folds, id]);
  const open = useSyncExternalStore(folds.subscribe, read) ?? itself === "open";
  return [open, () => folds.set(id, !open)];
}
