/** The store for components: handles by context, data by selection. */
import { createContext, useCallback, useContext, useRef, useSyncExternalStore } from "react";
import type { State } from "@/store/state";
import type { Sync } from "@/sync/link";
import type { Store } from "@/sync/store";

const SyncContext = createContext<Sync | null>(null);

export const SyncProvider = SyncContext.Provider;

export function useSync(): Sync {
  const sync = useContext(SyncContext);
  if (sync === null) throw new Error("no SyncProvider above");
  return sync;
}

export function useStore(): Store {
  return useSync().store;
}

/**
 * A part of the state. Renders again only when the part is another one, as `same` tells; select what is the same object as long as it
 * is the same content.
 */
export function useSelect<T>(select: (state: State) => T, same: (a: T, b: T) => boolean = Object.is): T {
  const store = useStore();
  const held = useRef<{ readonly part: T } | null>(null);
  const read = useCallback(() => {
    const part = select(store.shown());
    if (held.current === null || !same(held.current.part, part)) held.current = { part };
    return held.current.part;
  }, [store, select, same]);
  return useSyncExternalStore(store.subscribe, read);
}

/** Whether two lists have the same members. */
export function sameItems<T>(a: readonly T[], b: readonly T[]): boolean {
  return a === b || (a.length === b.length && a.every((item, at) => Object.is(item, b[at])));
}
