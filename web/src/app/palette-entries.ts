/** What the palette offers for a text: actions first, then sessions, each by the words of its name. */
import type { Action } from "@/bind/actions";
import type { Session } from "@/store/types";

export type Entry = {
  readonly id: string;
  readonly name: string;
  readonly note: string;
  readonly keys: string | null;
  readonly perform: () => void;
};

export function matching(
  text: string,
  actions: readonly Action[],
  sessions: ReadonlyMap<string, Session>,
  open: (id: string) => void,
): Entry[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (name: string) => {
    const low = name.toLowerCase();
    return words.every((word) => low.includes(word));
  };
  const seen = new Set<string>();
  const found: Entry[] = [];
  for (const action of actions) {
    if (seen.has(action.id) || !fits(`${action.name} ${action.group}`)) continue;
    seen.add(action.id);
    const { id, name, group: note, keys, perform } = action;
    found.push({ id: `action-${id}`, name, note, keys: keys?.[0] ?? null, perform });
  }
  if (words.length === 0) return found;
  for (const session of sessions.values()) {
    if (!fits(`${session.title} ${session.agent} ${session.short_id} ${session.cwd}`)) continue;
    const { id, title, agent: note } = session;
    found.push({ id: `session-${id}`, name: title, note, keys: null, perform: () => open(id) });
  }
  return found;
}
