/** Who is blocked by a missing answer of a person: the list, its order, and the number in the title and on the icon. */
import { withPending } from "./overlay";
import type { State } from "./state";
import type { Session, SessionId } from "./types";

export type Needed = {
  readonly id: SessionId;
  /** As it is shown: what was answered and is on its way counts as answered. */
  readonly session: Session;
  readonly why: "permission" | "question" | "sign_in";
  /** What is asked, if it is one thing that can be answered. */
  readonly request: string | null;
  readonly since: string;
};

/** What a session needs of a person, as the server says; `null` if nothing. */
export function needOf(session: Session): Needed | null {
  const { id } = session;
  if (session.badge === "waiting-for-auth") {
    return {
      id,
      session,
      why: "sign_in",
      request: null,
      since: session.needs_you_since ?? session.updated_at,
    };
  }
  if (session.badge !== "needs-you") return null;
  const since = session.needs_you_since ?? session.updated_at;
  const [permission] = session.pending_permissions;
  if (permission) return { id, session, why: "permission", request: permission.request, since };
  const [question] = session.pending_elicitations;
  if (question) return { id, session, why: "question", request: question.request, since };
  // A row may leave out what is asked; that something is asked it does not.
  return { id, session, why: "permission", request: null, since };
}

/** All who need somebody, the one that waits longest first. The same list as long as nothing about it changed. */
export function newAttention(): (state: State) => readonly Needed[] {
  let sessions: State["list"]["sessions"] | null = null;
  let pending: State["pending"] | null = null;
  let held: readonly Needed[] = [];
  return (state) => {
    if (state.list.sessions === sessions && state.pending === pending) return held;
    ({ sessions } = state.list);
    ({ pending } = state);
    const found = attention(state);
    const same =
      found.length === held.length &&
      found.every((need, at) => need.session === held[at]?.session && need.request === held[at].request);
    if (!same) held = found;
    return held;
  };
}

function attention({ list, pending }: State): readonly Needed[] {
  const found: Needed[] = [];
  for (const session of list.sessions.values()) {
    if (session.badge !== "needs-you" && session.badge !== "waiting-for-auth") continue;
    const need = needOf(withPending(session, pending));
    if (need) found.push(need);
  }
  return found.sort((a, b) => compare(a.since, b.since) || compare(a.id, b.id));
}

/** The one after a session in the list, or before it; from the end it goes on at the start. */
export function nextNeeded(
  needed: readonly Needed[],
  from: SessionId | null,
  step: 1 | -1,
): SessionId | null {
  const at = needed.findIndex((need) => need.id === from);
  const start = at === -1 ? (step === 1 ? -1 : 0) : at;
  const next = needed[(start + step + needed.length) % Math.max(1, needed.length)];
  return next?.id ?? null;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
