/** The list of sessions as Home shows it: filtered, in sections and groups, in an order that holds still. */
import { intentOf, withPending, type Intent, type Pending } from "./overlay";
import type { State } from "./state";
import type { Session, SessionId } from "./types";

export { queueOf, type QueueItem } from "./queue";
export { newTimeline, type TimelineTurn } from "./timeline";

export const sections = ["needs_you", "working", "idle", "stopped", "archived"] as const;
export type Section = (typeof sections)[number];

export type HomeView = {
  readonly q: string;
  /** One section alone; `null` for all that is not archived. */
  readonly section: Section | null;
  readonly group: "none" | "thread" | "project";
  readonly sort: "prompt" | "activity";
};

type Created = Pending & { readonly kind: "create" };

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

/** What is worked out of a session once, for as long as it is the same object. */
type Facts = {
  readonly section: Section;
  readonly rank: number;
  readonly prompt: number;
  readonly activity: number;
  readonly text: string;
  readonly project: string;
};

const known = new WeakMap<Session, Facts>();

export function sectionOf(session: Session): Section {
  return factsOf(session).section;
}

/** A selector that keeps its last answer: rows, groups and the whole are the same objects while they say the same. */
export function newHome(): (state: State, view: HomeView) => Home {
  let before: { state: State; view: HomeView; home: Home; rows: ReadonlyMap<SessionId, HomeRow> } | null =
    null;
  return (state, view) => {
    if (before && sameInput(before.state, state) && sameView(before.view, view)) return before.home;
    const { home, rows } = homeOf(state, view, before?.rows ?? new Map());
    const kept = before ? keeping(before.home, home) : home;
    before = { state, view, home: kept, rows };
    return kept;
  };
}

type Entry = { readonly row: HomeRow; readonly facts: Facts };

function homeOf(state: State, view: HomeView, held: ReadonlyMap<SessionId, HomeRow>) {
  const words = view.q.toLowerCase().split(/\s+/).filter(Boolean);
  const counts: Record<Section, number> = { needs_you: 0, working: 0, idle: 0, stopped: 0, archived: 0 };
  const rows = new Map<SessionId, HomeRow>();
  const entries: Entry[] = [];
  const take = (row: HomeRow, facts: Facts) => {
    if (!words.every((word) => facts.text.includes(word))) return;
    counts[facts.section] += 1;
    if (view.section === null ? facts.section === "archived" : facts.section !== view.section) return;
    entries.push({ row, facts });
  };
  const busy = new Set(state.pending.map((command) => command.session));
  for (const confirmed of state.list.sessions.values()) {
    const row = rowOf(state, confirmed, busy.has(confirmed.id), held.get(confirmed.id));
    rows.set(row.id, row);
    if (row.is === "session") take(row, factsOf(row.session));
  }
  for (const command of state.pending) {
    if (command.kind !== "create" || state.list.sessions.has(command.session)) continue;
    const last = held.get(command.session);
    const row: HomeRow =
      last?.is === "creating" && last.command === command
        ? last
        : { is: "creating", id: command.session, command };
    rows.set(row.id, row);
    take(row, createdFacts(command));
  }
  const by = view.sort;
  entries.sort(
    (a, b) => a.facts.rank - b.facts.rank || b.facts[by] - a.facts[by] || order(a.row.id, b.row.id),
  );
  const home: Home = { groups: groupsOf(state, view, entries), counts, total: rows.size };
  return { home, rows };
}

function rowOf(state: State, confirmed: Session, busy: boolean, held: HomeRow | undefined): HomeRow {
  const { id } = confirmed;
  const finished = isUnseen(state, id);
  const session = busy ? withPending(confirmed, state.pending) : confirmed;
  const intent = busy ? intentOf(state.pending, id) : null;
  const same =
    held?.is === "session" &&
    held.session === session &&
    held.finished === finished &&
    held.intent === intent;
  return same ? held : { is: "session", id, session, intent, finished };
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
  return [...groups].map(([key, group]) => ({ key, ...group }));
}

function threadOf(row: HomeRow): string {
  return row.is === "session" ? row.session.thread_id : row.id;
}

function titleOf(state: State, by: "thread" | "project", key: string, row: HomeRow): string {
  if (by === "project") return key;
  const title = row.is === "session" ? row.session.title : row.command.title;
  return state.list.threads.get(key)?.title || title;
}

function factsOf(session: Session): Facts {
  const held = known.get(session);
  if (held) return held;
  const { workspace, cwd } = session;
  const project = workspace?.worktree_of ?? workspace?.root ?? cwd;
  const facts: Facts = {
    ...placeOf(session),
    prompt: Date.parse(session.last_prompt_at ?? session.created_at),
    activity: Date.parse(session.updated_at),
    text: [session.title, cwd, project, session.agent, session.branch ?? "", session.id]
      .join("\n")
      .toLowerCase(),
    project,
  };
  known.set(session, facts);
  return facts;
}

function createdFacts({ title, agent, cwd, at }: Created): Facts {
  const text = [title, cwd, agent].join("\n").toLowerCase();
  return { section: "working", rank: 3, prompt: at, activity: at, text, project: cwd };
}

/** Where a session stands, by the server's word: whoever needs somebody first, then what failed, what works, what rests. */
function placeOf({ badge, archived }: Session): { section: Section; rank: number } {
  const word: string = badge;
  if (word === "needs-you" || word === "waiting-for-auth") return { section: "needs_you", rank: 1 };
  if (archived) return { section: "archived", rank: 5 };
  switch (word) {
    case "failed":
      return { section: "stopped", rank: 2 };
    case "hung":
    case "unhealthy":
      return { section: "working", rank: 2 };
    case "running":
    case "pending":
      return { section: "working", rank: 3 };
    case "idle":
    case "hibernated":
      return { section: "idle", rank: 4 };
    default:
      return { section: "stopped", rank: 5 };
  }
}

/** The same rows in the places they had: a list that somebody points at does not move. New ones are at the end of their group. */
export function holdStill(home: Home, held: Home): Home {
  const groups = home.groups.map((group) => {
    const before = held.groups.find((other) => other.key === group.key);
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

/** Whether a turn ended since somebody looked. */
export function isUnseen({ finished, seen }: Pick<State, "finished" | "seen">, id: SessionId): boolean {
  return (finished.get(id) ?? 0) > (seen.get(id) ?? 0);
}

function sameView(a: HomeView, b: HomeView): boolean {
  return a.q === b.q && a.section === b.section && a.group === b.group && a.sort === b.sort;
}

function order(a: string, b: string): number {
  return a < b ? 1 : -1;
}
