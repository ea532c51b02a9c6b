/** The rows of a session's log, kept from one state to the next: what did not change is the same object. */
import { useCallback, useMemo } from "react";
import { useSelect } from "@/bind/store";
import { rowsOf, type Row, type Rows } from "@/store/rows";
import type { State } from "@/store/state";
import type { Problem } from "@/store/types";

const nothing: readonly Row[] = [];

export function useRows(session: string, seen: number | null): readonly Row[] {
  const select = useMemo(() => {
    let held: Rows | null = null;
    return (state: State, line: number | null) => {
      const log = state.logs.get(session);
      if (!log || log.is !== "ready") return nothing;
      const { pending, refusals } = state;
      held = rowsOf({ log, seen: line, pending, refusals }, held);
      return held.rows;
    };
  }, [session]);
  return useSelect(useCallback((state: State) => select(state, seen), [select, seen]));
}

/** What is told of a log beside its rows. */
export type Window = {
  readonly is: "asked" | "ready";
  readonly loading: "nothing" | "older" | "newer" | "latest" | "around";
  readonly first: number;
  readonly last: number;
  readonly live: boolean;
  /** Why the last page did not come. */
  readonly failed: Problem | null;
};

const unknown: Window = {
  is: "asked",
  loading: "nothing",
  first: 1,
  last: 0,
  live: true,
  failed: null,
};

export function useWindow(session: string): Window {
  const select = useMemo(
    () => (state: State) => {
      const log = state.logs.get(session);
      if (!log) return unknown;
      const { is, loading, first, last, live, failed } = log;
      return { is, loading, first, last, live, failed };
    },
    [session],
  );
  return useSelect(select, sameWindow);
}

function sameWindow(a: Window, b: Window): boolean {
  return (
    a.is === b.is &&
    a.loading === b.loading &&
    a.first === b.first &&
    a.last === b.last &&
    a.live === b.live &&
    a.failed === b.failed
  );
}
