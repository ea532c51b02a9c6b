/** When a command is done: its reply, an event or a frame with its key came, and what it did is in view. */
import type { Kind, Pending } from "./overlay";
import { LIST, type State } from "./state";
import type { Event, Problem, Session, SessionFrame } from "./types";

/** Whether a reply does not show what was done: a log or a frame does, and until then the guess stays. */
function outlivesReply(command: Pending): boolean {
  switch (command.kind) {
    case "prompt":
    case "edit_queued":
    case "move_queued":
    case "drop_queued":
    case "rewind":
    case "delete":
      return true;
    case "create":
    case "rename":
    case "archive":
    case "set":
    case "permissions":
    case "decide":
    case "answer":
    case "authenticate":
    case "cancel":
    case "stop":
    case "resume":
    case "hibernate":
    case "clear":
    case "repair":
    case "fork":
      return false;
  }
}

/**
 * Events with the key of a command: it is done. Where the session itself shows what was done, the guess stays until that object is as
 * new as the event: it comes by another way, and without the guess the old one would be seen once more. Others may bring the log to
 * where a command that was answered already is.
 */
export function settled(state: State, told: readonly Event[]): State {
  if (state.pending.length === 0) return state;
  const seqs = new Map(told.flatMap((one) => (one.command ? [[one.command, one.seq] as const] : [])));
  const pending = state.pending.map((command) => {
    const seq = seqs.get(command.key);
    if (seq === undefined) return command;
    return isOfObject(command) ? { ...command, reached: seq } : null;
  });
  return only(state, pending);
}

/** Whether what was done is seen in the session itself. */
function isOfObject({ kind }: Pending): boolean {
  return !OF_THE_LOG.has(kind);
}

const OF_THE_LOG: ReadonlySet<Kind> = new Set([
  "create",
  "prompt",
  "edit_queued",
  "move_queued",
  "drop_queued",
  "rewind",
  "authenticate",
  "fork",
  "delete",
]);

/** Frames with the key of a command: the object is as it is after it, the log may be still behind. */
export function framed(state: State, frames: readonly { readonly command?: string | null }[]): State {
  if (state.pending.length === 0) return state;
  const keys = keysOf(frames);
  const objects = new Map<string, Session>();
  for (const frame of frames) if (isSession(frame)) objects.set(frame.data.id, frame.data);
  const pending = state.pending.map((command) => {
    if (keys.has(command.key)) {
      return command.kind === "delete" ? null : answered(command, objects.get(command.session) ?? null);
    }
    // An answer that said nothing of the session is followed by a frame of it.
    return command.reached === null && objects.has(command.session) ? null : command;
  });
  return only(state, pending);
}

/** The reply: done, or done as soon as the log says so. */
export function replied(state: State, key: string, session: Session | null): State {
  const pending = state.pending.map((command) =>
    command.key === key ? answered(command, session ?? null) : command,
  );
  return only(state, pending);
}

export function refused(state: State, key: string, problem: Problem): State {
  const command = state.pending.find((pending) => pending.key === key);
  if (!command) return state;
  return {
    ...keeping(state, (other) => other.key !== key),
    refusals: [...state.refusals, { command, problem }],
  };
}

/** A topic has said all, or none is heard: no more is to come for what was answered. */
export function swept(state: State, topic: string | null): State {
  const isOf = (command: Pending) =>
    topic === null || command.session === topic || (topic === LIST && command.kind === "delete");
  return keeping(state, (command) => command.reached === undefined || !isOf(command));
}

function answered(command: Pending, session: Session | null): Pending | null {
  if (!outlivesReply(command)) return null;
  return { ...command, reached: session?.seq ?? null };
}

/** Whether the log that is in view has come to what the reply told of, or none is in view. */
function isReached(state: State, command: Pending): boolean {
  const { session, reached, kind } = command;
  if (reached === undefined) return false;
  if (kind === "delete") return !state.list.sessions.has(session);
  if (isOfObject(command)) return (state.list.sessions.get(session)?.seq ?? Infinity) >= (reached ?? 0);
  const log = state.logs.get(session);
  return !log?.live || (reached !== null && log.last >= reached);
}

function only(state: State, pending: readonly (Pending | null)[]): State {
  const left = pending.filter((command) => command !== null);
  const same = left.length === state.pending.length && left.every((one, at) => one === state.pending[at]);
  const next = same ? state : { ...state, pending: left };
  return keeping(next, (command) => !isReached(next, command));
}

function keeping(state: State, keep: (command: Pending) => boolean): State {
  const pending = state.pending.filter(keep);
  return pending.length === state.pending.length ? state : { ...state, pending };
}

function keysOf(told: readonly { readonly command?: string | null }[]): ReadonlySet<string> {
  return new Set(told.flatMap((one) => (one.command ? [one.command] : [])));
}

function isSession(frame: object): frame is SessionFrame {
  return (
    "data" in frame &&
    "type" in frame &&
    String(frame.type).startsWith("session:") &&
    frame.type !== "session:deleted"
  );
}
