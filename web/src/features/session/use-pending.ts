/** What somebody asked of a session and the server has not settled yet, or has refused. */
import { useCallback } from "react";
import { sameItems, useSelect } from "@/bind/store";
import type { Kind, Pending, Refusal } from "@/store/overlay";
import type { State } from "@/store/state";

/** The kinds of commands that are out for a session. */
export function usePendingKinds(session: string): readonly Kind[] {
  return useSelect(
    useCallback(
      (state: State) =>
        state.pending.filter((command) => command.session === session).map((command) => command.kind),
      [session],
    ),
    sameItems,
  );
}

/** The commands that are out for a session. */
export function usePending(session: string): readonly Pending[] {
  return useSelect(
    useCallback((state: State) => state.pending.filter((command) => command.session === session), [session]),
    sameItems,
  );
}

/** What the server refused, as long as nobody has put it away. */
export function useRefusals(session: string, kinds: readonly Kind[]): readonly Refusal[] {
  return useSelect(
    useCallback(
      (state: State) =>
        state.refusals.filter(({ command }) => command.session === session && kinds.includes(command.kind)),
      [session, kinds],
    ),
    sameItems,
  );
}
