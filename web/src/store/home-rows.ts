/** A row of Home for each session, with what is on its way for it, and one for each that was asked for. */
import { createdFacts, factsOf, type Facts } from "./home-facts";
import { intentOf, withPending, type Created, type Intent } from "./overlay";
import type { State } from "./state";
import type { Session, SessionId } from "./types";

export type HomeRow =
  | {
      readonly is: "session";
      readonly id: SessionId;
      /** With what was asked for and is on its way. */
      readonly session: Session;
      readonly intent: Intent | null;
      /** A turn ended since somebody looked. */
      readonly finished: boolean;
    }
  /** It was asked for; the server has not answered yet. */
  | { readonly is: "creating"; readonly id: SessionId; readonly command: Created };

/** A row and where it stands. */
export type Entry = { readonly row: HomeRow; readonly facts: Facts };

/** The row of a session of which nothing is on its way and nothing is new. */
const plain = new WeakMap<Session, Entry>();

export function entryOf(session: Session): Entry {
  const held = plain.get(session);
  if (held) return held;
  const row: HomeRow = { is: "session", id: session.id, session, intent: null, finished: false };
  const entry = { row, facts: factsOf(session) };
  plain.set(session, entry);
  return entry;
}

/** Rows that say more than the session: something is on its way, or a turn ended since somebody looked. Few, so made each time. */
export function specialEntries(
  state: State,
  held: ReadonlyMap<SessionId, Entry>,
): ReadonlyMap<SessionId, Entry> {
  const entries = new Map<SessionId, Entry>();
  const ids = new Set([...state.pending.map((command) => command.session), ...state.finished.keys()]);
  for (const id of ids) {
    const confirmed = state.list.sessions.get(id);
    if (!confirmed) continue;
    const session = withPending(confirmed, state.pending);
    const finished = isUnseen(state, id);
    const intent = intentOf(state.pending, id);
    if (session === confirmed && !finished && intent === null) continue;
    const last = held.get(id);
    const row: HomeRow = { is: "session", id, session, intent, finished };
    entries.set(id, last && sameRow(last.row, row) ? last : { row, facts: factsOf(session) });
  }
  for (const command of state.pending) {
    if (command.kind !== "create") continue;
    const row: HomeRow = { is: "creating", id: command.session, command };
    const last = held.get(row.id);
    entries.set(row.id, last && sameRow(last.row, row) ? last : { row, facts: createdFacts(command) });
  }
  return entries;
}

function sameRow(a: HomeRow, b: HomeRow): boolean {
  if (a.is === "creating") return b.is === "creating" && a.command === b.command;
  return b.is === "session" && a.session === b.session && a.intent === b.intent && a.finished === b.finished;
}

/** Whether a turn ended since somebody looked. */
export function isUnseen({ finished, seen }: Pick<State, "finished" | "seen">, id: SessionId): boolean {
  return (finished.get(id) ?? 0) > (seen.get(id) ?? 0);
}
