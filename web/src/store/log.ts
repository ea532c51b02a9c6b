/**
 * The events of one session, in their order and without gaps, and what they say as a transcript.
 * It is a window on the log: its end while it is live, and somewhere else after a deep link or when somebody read far up.
 */
import { begunBefore, keeping, unfinished, withoutBefore } from "./carry";
import { itemsUpTo, takenAfter, turnsUpTo, withCutsOf, type Cut } from "./taken";
import { extend, noTranscript, placeOf, type Transcript } from "./transcript";
import type { Event, Problem, SessionId } from "./types";

export type Log = {
  readonly session: SessionId;
  /** Without gaps: `events[i].seq === first + i`. */
  readonly events: readonly Event[];
  /** The `seq` of the first one that is held; 1 is the start of the session. */
  readonly first: number;
  /** The `seq` of the last one that is held; 0 before the first. */
  readonly last: number;
  /** What came before `first`, as far as it still matters: prompts that wait, the prompt of the turn that is on. */
  readonly base: Transcript;
  readonly transcript: Transcript;
  /** Whether the last turns are in, and the server goes on from there. */
  readonly is: "asked" | "ready";
  readonly loading: "nothing" | "older" | "newer" | "latest" | "around";
  /** The page that is on its way. */
  readonly page: Page | null;
  /** The event for whose sake the window is where it is: that of a deep link. */
  readonly around: number | null;
  /** Why the last page did not come. */
  readonly failed: Problem | null;
  /** The event at which somebody reads; `null` at the end. What is near it is not let go. */
  readonly reader: number | null;
  /** Whether new events are taken; not while the end was let go to make room for what is older. */
  readonly live: boolean;
  /** Whether the server has said all that it had. */
  readonly caught_up: boolean;
  /** Where a hole began for which the missing events were asked. */
  readonly hole: number | null;
  /** What is known to be taken back, also by events that are not held. */
  readonly cuts: readonly Cut[];
  /** For which `first` it was asked what still matters of before, and what came. */
  readonly heads: { readonly before: number; readonly events: readonly Event[] } | null;
};

/** Which events of a session are wanted: the last ones before `before`, or the first ones after `after`. */
export type Page = { readonly before: number | null; readonly after: number | null; readonly limit: number };

/** So many events are asked for when a session is opened, and so many more when somebody reads up. */
export const FIRST_PAGE = 300;
export const OLDER_PAGE = 500;

/** At most so many are held; see the design's § 3.3: 100,000 are 164 MB of heap. Items are what rows are made of. */
export const HELD_MAX = 20_000;
export const ITEMS_MAX = 2_000;
/** So much of either stays when there is too much: making room is rare. */
const KEPT = 0.75;
/** A turn's start is looked for down to this part of what may stay. */
const KEPT_MIN = 0.3;

export function newLog(session: SessionId): Log {
  return {
    session,
    events: [],
    first: 1,
    last: 0,
    base: noTranscript,
    transcript: noTranscript,
    is: "asked",
    loading: "nothing",
    page: null,
    around: null,
    failed: null,
    reader: null,
    live: true,
    caught_up: false,
    hole: null,
    cuts: [],
    heads: null,
  };
}

/** What a batch of events did: taken as far as they follow; `gap` is where the missing ones begin. */
export type Appended = { readonly log: Log; readonly gap: number | null };

/** Takes new events: the next one is applied, older ones are known, and after a hole nothing is taken. */
export function append(log: Log, events: readonly Event[]): Appended {
  if (!log.live || log.is !== "ready") return { log, gap: null };
  let last = log.last;
  const fresh: Event[] = [];
  let gap: number | null = null;
  for (const event of events) {
    if (event.seq <= last) continue;
    if (event.seq > last + 1) {
      gap = last;
      break;
    }
    fresh.push(event);
    last = event.seq;
  }
  // A hole is told once: what is missing is on its way.
  const told = gap !== null && gap === log.hole;
  if (fresh.length === 0)
    return { log: gap === null || told ? log : { ...log, hole: gap }, gap: told ? null : gap };
  const transcript = extend(log.transcript, fresh);
  const cuts = withCutsOf(log.cuts, fresh);
  const held = { ...log, events: log.events.concat(fresh), last, transcript, cuts };
  return { log: { ...withRoom(held, readsUp(held) ? "newer" : "older"), hole: gap }, gap };
}

/** What a page did: where it stands now, and whether the log became live with it. */
export type Paged = { readonly log: Log; readonly joined: boolean };

/** Takes a page that was asked for. `head` is the last event of the session that is known of. */
export function withPage(log: Log, events: readonly Event[], head: number): Paged {
  const cuts = withCutsOf(log.cuts, events);
  const idle: Log = { ...log, loading: "nothing", page: null, failed: null, cuts };
  const start = events[0];
  const end = events.at(-1);
  if (log.loading === "latest" || log.loading === "around") return replaced(log, idle, events, head);
  if (!start || !end) return { log: idle, joined: log.loading === "newer" && !log.live };
  if (log.loading === "newer" && !log.live) {
    const fresh = events.filter((event) => event.seq > log.last);
    if (fresh[0] && fresh[0].seq !== log.last + 1) return { log: idle, joined: false };
    const held = { ...idle, events: log.events.concat(fresh), last: Math.max(log.last, end.seq) };
    const joined = isEnd(log.page, events, head);
    const longer = withoutTaken({ ...held, transcript: extend(log.transcript, fresh), live: joined });
    return { log: withRoom(longer, "older"), joined };
  }
  const older = events.filter((event) => event.seq < log.first);
  if (older.at(-1)?.seq !== log.first - 1) return { log: idle, joined: false };
  const base = begunBefore(log.base, start.seq);
  const all = older.concat(log.events);
  const transcript = keeping(log.transcript, extend(base, all));
  const longer = withoutTaken({ ...idle, events: all, first: start.seq, base, transcript });
  return { log: withRoom(longer, "newer"), joined: false };
}

/** The window moves: to the end of the log, or to the event of a link. */
function replaced(log: Log, idle: Log, events: readonly Event[], head: number): Paged {
  const start = events[0];
  const end = events.at(-1);
  const at = log.loading === "around" ? log.around : null;
  const ends = isEnd(log.page, events, head);
  // A page that somebody asked for before: the one that is wanted is still on its way.
  if (at !== null && start && end && (at < start.seq || (at > end.seq && !ends)))
    return { log, joined: false };
  const live = at === null || ends;
  const moved = withoutTaken({
    ...idle,
    is: "ready",
    events,
    first: start?.seq ?? 1,
    last: end?.seq ?? 0,
    base: noTranscript,
    transcript: extend(noTranscript, events),
    heads: null,
    hole: null,
    reader: at,
    live,
    caught_up: false,
  });
  // A page that begins with a whole turn may be long.
  return { log: live ? withRoom(moved, "older") : moved, joined: live };
}

/** Whether nothing that is known of comes after a page. */
function isEnd(page: Page | null, events: readonly Event[], head: number): boolean {
  const end = events.at(-1);
  if (!end || (head > 0 && end.seq >= head)) return true;
  if (page?.before != null) return end.seq < page.before - 1;
  return page !== null && events.length < page.limit;
}

/** Types of events that tell which prompts wait and which turn is on. */
export const QUEUE_TYPES = [
  "turn_queued",
  "queue_entry_edited",
  "queue_entry_moved",
  "queue_entry_dropped",
  "turn_started",
  "turn_requeued",
  "turn_ended",
] as const;

/** Whether something from before the window is missing in it: the prompt of its first turn, or prompts that wait. */
export function lacksHeads(log: Log, queued: number): boolean {
  if (log.is !== "ready" || log.first <= 1 || log.heads?.before === log.first) return false;
  if (log.live && queued > log.transcript.queue.length) return true;
  const begun = log.transcript.items.find((item) => item.turn !== null);
  return begun !== undefined && placeOf(log.transcript, `prompt:${begun.turn}`) === null;
}

/** Takes what still matters of before the window. */
export function withHeads(log: Log, before: number, events: readonly Event[]): Log {
  if (log.first !== before || log.heads?.before !== before) return log;
  const known = new Map([...log.heads.events, ...events].map((event) => [event.seq, event]));
  const heads = [...known.values()].filter((event) => event.seq < before).sort((a, b) => a.seq - b.seq);
  const base = unfinished(extend(noTranscript, heads));
  const transcript = keeping(log.transcript, extend(base, log.events));
  return withoutTaken({ ...log, base, transcript, heads: { before, events: heads } });
}

/** Takes what later events are told to have taken back. */
export function withCuts(log: Log, events: readonly Event[]): Log {
  const cuts = withCutsOf(log.cuts, events);
  return cuts === log.cuts ? log : withoutTaken({ ...log, cuts });
}

/** The transcript knows only of what is taken back within the window; this leaves out what events after it take back. */
function withoutTaken(log: Log): Log {
  const after = takenAfter(log.cuts, log.last);
  if (after === null) return log;
  const { transcript } = log;
  const items = itemsUpTo(transcript.items, after);
  return { ...log, transcript: { ...transcript, items, turns: turnsUpTo(transcript.turns, after) } };
}

function readsUp(log: Log): boolean {
  return log.reader !== null && log.reader - log.first < log.events.length / 2;
}

/** Lets events go at one side when there are too many, at the start of a turn if there is one. */
function withRoom(log: Log, side: "older" | "newer"): Log {
  if (log.events.length <= HELD_MAX && log.transcript.items.length <= ITEMS_MAX) return log;
  return side === "older" ? withoutOlder(log) : withoutNewer(log);
}

function withoutOlder(log: Log): Log {
  const { length } = log.events;
  const least = Math.max(
    length - HELD_MAX * KEPT,
    placeOfItem(log, log.transcript.items.length - ITEMS_MAX * KEPT),
    1,
  );
  const found = log.events.findIndex((event, at) => at >= least && event.type === "turn_started");
  const cut = found === -1 || length - found < (length - least) * KEPT_MIN ? least : found;
  const base = unfinished(extend(log.base, log.events.slice(0, cut)));
  const first = log.first + cut;
  const transcript = withoutBefore(log.transcript, first, base);
  return { ...log, events: log.events.slice(cut), first, base, transcript, heads: null };
}

function withoutNewer(log: Log): Log {
  const items = placeOfItem(log, ITEMS_MAX * KEPT);
  const most = Math.min(HELD_MAX * KEPT, items > 0 ? items : Number.POSITIVE_INFINITY, log.events.length);
  const found = log.events.findLastIndex((event, at) => at <= most && event.type === "turn_started");
  const cut = found < most * KEPT_MIN ? most : found;
  const events = log.events.slice(0, cut);
  const transcript = keeping(log.transcript, extend(log.base, events));
  const last = log.first + cut - 1;
  return withoutTaken({ ...log, events, last, transcript, live: false, caught_up: false });
}

/** Among the events, the place where an item begins; 0 if it began before them. A prompt may be older than where it stands. */
function placeOfItem({ transcript, first }: Log, at: number): number {
  if (at < 0) return 0;
  const item = transcript.items.find((candidate, place) => place >= at && candidate.kind !== "prompt");
  return item ? Math.max(0, item.seq - first) : 0;
}
