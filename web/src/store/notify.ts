/** What is worth a notification: a change that came while somebody could have missed it, as data. */
import type { State } from "./state";
import type { Notice } from "./input";
import type { ListFrame, Session, SessionId } from "./types";

/** Whoever asked for less than this is still there. */
export const LONG_TURN_MS = 20_000;

/** Notices of what changed from one state to the next by frames: none while catching up, and none twice. */
export function notices(before: State, after: State, frames: readonly ListFrame[]): readonly Notice[] {
  if (!before.list.caught_up) return [];
  const found: Notice[] = [];
  for (const id of changedBy(frames)) {
    const session = after.list.sessions.get(id);
    const was = before.list.sessions.get(id);
    if (!session || session === was || session.archived || session.pos <= before.notified) continue;
    const notice = noticeOf(was ?? null, session);
    if (notice) found.push(notice);
  }
  return found;
}

/** Turns that ended, whether somebody is told or not. */
export function finishedBy(before: State, after: State, frames: readonly ListFrame[]): State {
  let finished: Map<SessionId, number> | null = null;
  for (const id of changedBy(frames)) {
    const session = after.list.sessions.get(id);
    const was = before.list.sessions.get(id);
    if (session?.last_turn && was && was.last_turn?.id !== session.last_turn.id) {
      (finished ??= new Map(after.finished)).set(id, session.seq);
    }
  }
  return finished ? { ...after, finished } : after;
}

function changedBy(frames: readonly ListFrame[]): ReadonlySet<SessionId> {
  const changed = new Set<SessionId>();
  for (const frame of frames) {
    if (
      frame.type === "session:started" ||
      frame.type === "session:updated" ||
      frame.type === "session:ended"
    ) {
      changed.add(frame.data.id);
    }
  }
  return changed;
}

function noticeOf(was: Session | null, session: Session): Notice | null {
  const { id, pos } = session;
  const permission = session.pending_permissions.find(
    ({ request }) => !was?.pending_permissions.some((held) => held.request === request),
  );
  if (permission) return { session: id, why: "permission", request: permission.request, pos };
  const question = session.pending_elicitations.find(
    ({ request }) => !was?.pending_elicitations.some((held) => held.request === request),
  );
  if (question) return { session: id, why: "question", request: question.request, pos };
  if (session.badge === "waiting-for-auth" && was?.badge !== "waiting-for-auth") {
    return { session: id, why: "sign_in", request: null, pos };
  }
  // A session that was not known until now: nobody here has waited for it.
  if (!was) return null;
  return endOf(was, session);
}

function endOf(was: Session, session: Session): Notice | null {
  const { id, pos, last_turn: turn } = session;
  const failed = session.badge === "failed" && was.badge !== "failed";
  if (turn && was.last_turn?.id !== turn.id) {
    const byHand = turn.stop_reason === "cancelled" || session.stop_cause === "user_requested";
    if (byHand || turn.duration_ms < LONG_TURN_MS) return null;
    const bad =
      failed || turn.failure != null || turn.stop_reason === "failed" || turn.stop_reason === "timeout";
    if (bad) return { session: id, why: "failed", request: null, pos };
    // More prompts wait: it goes on.
    if (session.queue_length > 0 || session.turn !== null) return null;
    return { session: id, why: "finished", request: null, pos };
  }
  if (!failed) return null;
  const since = Date.parse(was.last_prompt_at ?? was.created_at);
  const long = Date.parse(session.updated_at) - since >= LONG_TURN_MS;
  return long ? { session: id, why: "failed", request: null, pos } : null;
}
