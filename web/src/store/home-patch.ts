/** Home after a small change: most touch a row and move nothing, and 10,000 others stay as they are. */
import { entryOf, type Entry, type HomeRow } from "./home-rows";
import type { Home, HomeView } from "./select";
import type { State } from "./state";
import type { SessionId } from "./types";

/** What an answer was made from. */
export type Seen = {
  readonly state: State;
  readonly view: HomeView;
  readonly special: ReadonlyMap<SessionId, Entry>;
  readonly home: Home;
};

/** The same list with other rows in it; `null` if something moves. */
export function patch(last: Seen, state: State, special: ReadonlyMap<SessionId, Entry>): Home | null {
  const { sessions, threads } = state.list;
  const before = last.state.list;
  if (sessions.size !== before.sessions.size || threads !== before.threads) return null;
  if (creating(special) !== creating(last.special)) return null;
  const changed = new Map<SessionId, HomeRow>();
  for (const [id, session] of sessions) {
    const held = before.sessions.get(id);
    if (!held) return null;
    if (held === session && special.size === 0 && last.special.size === 0) continue;
    const was = last.special.get(id) ?? entryOf(held);
    const now = special.get(id) ?? entryOf(session);
    if (was.row === now.row) continue;
    if (!sameFacts(was, now, last.view)) return null;
    changed.set(id, now.row);
  }
  for (const [id, entry] of special) {
    if (entry.row.is === "creating" && last.special.get(id) !== entry) return null;
  }
  if (changed.size === 0) return last.home;
  const groups = last.home.groups.map((group) => {
    if (!group.rows.some((row) => changed.has(row.id))) return group;
    return { ...group, rows: group.rows.map((row) => changed.get(row.id) ?? row) };
  });
  return { ...last.home, groups };
}

function creating(special: ReadonlyMap<SessionId, Entry>): number {
  return [...special.values()].filter((entry) => entry.row.is === "creating").length;
}

/** Whether two rows of a session stand at the same place. */
function sameFacts(a: Entry, b: Entry, { sort }: HomeView): boolean {
  if (a.row.is !== "session" || b.row.is !== "session") return false;
  return (
    a.facts.section === b.facts.section &&
    a.facts[sort] === b.facts[sort] &&
    a.facts.text === b.facts.text &&
    a.facts.project === b.facts.project &&
    a.row.session.thread_id === b.row.session.thread_id
  );
}
