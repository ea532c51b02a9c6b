/** The list of sessions as Home shows it: filtered, in sections and groups, in an order that holds still. */
import { sections, type Section } from "./home-facts";
import { patch, type Seen } from "./home-patch";
import { entryOf, isUnseen, specialEntries, type Entry, type HomeRow } from "./home-rows";
import type { State } from "./state";
import type { SessionId } from "./types";

export { sectionOf, sections, type Section } from "./home-facts";
export { isUnseen, type HomeRow } from "./home-rows";
export { queueOf, type QueueItem } from "./queue";
export { newTimeline, type TimelineTurn } from "./timeline";

export type HomeView = {
  readonly q: string;
  /** One section alone; `null` for all that is not archived. */
  readonly section: Section | null;
  readonly group: "none" | "thread" | "project";
  readonly sort: "prompt" | "activity";
};

export type HomeGroup = {
  readonly key: string;
  /** A thread's title or a project's path; empty where nothing is grouped. */
  readonly title: string;
  readonly rows: readonly HomeRow[];
};

export type Home = {
  readonly groups: readonly HomeGroup[];
  /** How many rows of each section match. */
  readonly counts: Readonly<Record<Section, number>>;
  /** How many sessions there are, matching or not. */
  readonly total: number;
};

/** The group of a row that is alone in it. */
const alone = new WeakMap<HomeRow, HomeGroup>();

/** A selector that keeps its last answer: rows, groups and the whole are the same objects while they say the same. */
export function newHome(): (state: State, view: HomeView) => Home {
  let before: Seen | null = null;
  return (state, view) => {
    const last = before && sameView(before.view, view) ? before : null;
    if (last && sameInput(last.state, state)) return last.home;
    const special = specialEntries(state, before?.special ?? new Map());
    const patched = last && patch(last, state, special);
    const home = patched ?? homeOf(state, view, special);
    before = { state, view, special, home: before && !patched ? keeping(before.home, home) : home };
    return before.home;
  };
}

function homeOf(state: State, view: HomeView, special: ReadonlyMap<SessionId, Entry>): Home {
  const words = view.q.toLowerCase().split(/\s+/).filter(Boolean);
  const counts: Record<Section, number> = { needs_you: 0, working: 0, idle: 0, stopped: 0, archived: 0 };
  const entries: Entry[] = [];
  const take = (entry: Entry) => {
    const { section, text } = entry.facts;
    if (words.length > 0 && !words.every((word) => text.includes(word))) return;
    counts[section] += 1;
    if (view.section === null ? section !== "archived" : section === view.section) entries.push(entry);
  };
  let total = 0;
  for (const session of state.list.sessions.values()) {
    total += 1;
    take((special.size > 0 && special.get(session.id)) || entryOf(session));
  }
  for (const entry of special.values()) {
    if (entry.row.is !== "creating") continue;
    total += 1;
    take(entry);
  }
  const by = view.sort;
  entries.sort((a, b) => a.facts[by] - b.facts[by] || order(a.row.id, b.row.id));
  return { groups: groupsOf(state, view, entries), counts, total };
}

/** Groups in the order of their first rows, so that what needs somebody stays at the top. */
function groupsOf(state: State, view: HomeView, entries: readonly Entry[]): readonly HomeGroup[] {
  if (view.group === "none") {
    return entries.length === 0 ? [] : [{ key: "all", title: "", rows: entries.map((entry) => entry.row) }];
  }
  const groups = new Map<string, { title: string; rows: HomeRow[] }>();
  for (const { row, facts } of entries) {
    const key = view.group === "project" ? facts.project : threadOf(row);
    const group = groups.get(key);
    if (group) group.rows.push(row);
    else groups.set(key, { title: titleOf(state, view.group, key, row), rows: [row] });
  }
  return [...groups].map(([key, { title, rows }]) => {
    const [row] = rows;
    if (!row || rows.length > 1) return { key, title, rows };
    const held = alone.get(row);
    if (held?.key === key && held.title === title) return held;
    const group = { key, title, rows };
    alone.set(row, group);
    return group;
  });
}

function threadOf(row: HomeRow): string {
  return row.is === "session" ? row.session.thread_id : row.id;
}

function titleOf(state: State, by: "thread" | "project", key: string, row: HomeRow): string {
  if (by === "project") return key;
  const title = row.is === "session" ? row.session.title : row.command.title;
  return state.list.threads.get(key)?.title || title;
}

/** The same rows in the places they had: a list that somebody points at does not move. New ones are at the end of their group. */
export function holdStill(home: Home, held: Home): Home {
  const known = new Map(held.groups.map((group) => [group.key, group]));
  const groups = home.groups.map((group) => {
    const before = known.get(group.key);
    if (!before) return group;
    const places = new Map(before.rows.map((row, place) => [row.id, place]));
    const place = (row: HomeRow) => places.get(row.id) ?? before.rows.length;
    const rows = [...group.rows].sort((a, b) => place(a) - place(b));
    return { ...group, rows };
  });
  const places = new Map(held.groups.map((group, at) => [group.key, at]));
  const place = (group: HomeGroup) => places.get(group.key) ?? places.size;
  return keeping(held, { ...home, groups: groups.sort((a, b) => place(a) - place(b)) });
}

function keeping(held: Home, next: Home): Home {
  const before = new Map(held.groups.map((group) => [group.key, group]));
  const groups = next.groups.map((group) => {
    const last = before.get(group.key);
    return last && last.title === group.title && sameItems(last.rows, group.rows) ? last : group;
  });
  const counts = sections.every((name) => held.counts[name] === next.counts[name])
    ? held.counts
    : next.counts;
  const same = sameItems(groups, held.groups) && counts === held.counts && next.total === held.total;
  return same
    ? held
    : { groups: sameItems(groups, held.groups) ? held.groups : groups, counts, total: next.total };
}

function sameItems<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, at) => item === b[at]);
}

function sameInput(a: State, b: State): boolean {
  return (
    a.list.sessions === b.list.sessions &&
    a.list.threads === b.list.threads &&
    a.pending === b.pending &&
    a.finished.size === b.finished.size &&
    [...b.finished.keys()].every((id) => isUnseen(a, id) === isUnseen(b, id))
  );
}

function sameView(a: HomeView, b: HomeView): boolean {
  return a.q === b.q && a.section === b.section && a.group === b.group && a.sort === b.sort;
}

function order(a: string, b: string): number {
  return a < b ? 1 : -1;
}
