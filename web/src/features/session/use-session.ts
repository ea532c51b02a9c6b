/** What is known of a session, as a view. */
import { useCallback, useDeferredValue } from "react";
import { useSelect } from "@/bind/store";
import { withPending } from "@/store/overlay";
import type { State } from "@/store/state";
import type { Problem, Session } from "@/store/types";

export type SessionShown =
  | { readonly is: "loading" }
  | { readonly is: "missing" }
  | { readonly is: "deleted" }
  | { readonly is: "problem"; readonly problem: Problem }
  /** `confirmed` is the session as the server has told it. */
  | { readonly is: "ready"; readonly session: Session; readonly confirmed: Session };

const loading: SessionShown = { is: "loading" };

/** The session as it will be if the server agrees to what is out. */
export function useSession(id: string): SessionShown {
  const found = useSelect(
    useCallback((state: State) => shown(state, id), [id]),
    same,
  );
  // What is drawn for the first time is drawn in pieces, so that the browser answers between them.
  const ready = useDeferredValue(found.is === "ready");
  return found.is === "ready" && !ready ? loading : found;
}

function shown(state: State, id: string): SessionShown {
  const session = state.list.sessions.get(id);
  if (session) return { is: "ready", session: withPending(session, state.pending), confirmed: session };
  if (state.list.graves.has(id)) return { is: "deleted" };
  const failed = state.logs.get(id)?.failed ?? null;
  if (failed === null) return { is: "loading" };
  return failed.status === 404 || failed.code === "session_not_found"
    ? { is: "missing" }
    : { is: "problem", problem: failed };
}

function same(a: SessionShown, b: SessionShown): boolean {
  if (a.is === "ready" && b.is === "ready") {
    return a.confirmed === b.confirmed && isSame(a.session, b.session);
  }
  if (a.is === "problem" && b.is === "problem") return a.problem === b.problem;
  return a.is === b.is;
}

/** A command that is out makes a new object for each look at it, of the same parts. */
function isSame(a: Session, b: Session): boolean {
  if (a === b) return true;
  return (
    a.title === b.title &&
    a.archived === b.archived &&
    a.effective_permissions === b.effective_permissions &&
    a.pending_permissions.length === b.pending_permissions.length &&
    a.pending_elicitations.length === b.pending_elicitations.length &&
    a.config_options.length === b.config_options.length &&
    a.config_options.every((option, at) => Object.is(option.value, b.config_options[at]?.value))
  );
}
