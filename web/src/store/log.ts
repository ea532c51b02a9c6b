/** The events of one session, in their order and without gaps, and what they say as a transcript. */
import { extend, noTranscript, type Transcript } from "./transcript";
import type { Event, SessionId } from "./types";

export type Log = {
  readonly session: SessionId;
  /** Without gaps: `events[i].seq === first + i`. */
  readonly events: readonly Event[];
  /** The `seq` of the first one that is held; 1 is the start of the session. */
  readonly first: number;
  /** The `seq` of the last one that is held; 0 before the first. */
  readonly last: number;
  readonly transcript: Transcript;
  /** Whether the last turns are in, and the server goes on from there. */
  readonly is: "asked" | "ready";
  readonly loading: "nothing" | "older" | "newer";
  /** Whether new events are taken; not while the end was let go to make room for what is older. */
  readonly live: boolean;
  /** Whether the server has said all that it had. */
  readonly caught_up: boolean;
};

/** So many events are asked for when a session is opened, and so many more when somebody reads up. */
export const FIRST_PAGE = 300;
export const OLDER_PAGE = 500;

/** At most so many are held; see the design's § 3.3: 100,000 are 164 MB of heap. */
export const HELD_MAX = 20_000;

export function newLog(session: SessionId): Log {
  return {
    session,
    events: [],
    first: 1,
    last: 0,
    transcript: noTranscript,
    is: "asked",
    loading: "nothing",
    live: true,
    caught_up: false,
  };
}

/** What a batch of events did: taken as far as they follow; `gap` is where the missing ones begin. */
export type Appended = { readonly log: Log; readonly gap: number | null };

/** Takes new events: the next one is applied, older ones are known, and after a hole nothing is taken. */
export function append(log: Log, events: readonly Event[]): Appended {
  if (!log.live) return { log, gap: null };
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
  if (fresh.length === 0) return { log, gap };
  const held = [...log.events, ...fresh];
  return { log: { ...log, events: held, last, transcript: extend(log.transcript, fresh) }, gap };
}

/** Takes a page that was asked for: the last turns, or what comes before the first event that is held. */
export function prepend(log: Log, page: readonly Event[]): Log {
  const base: Log = { ...log, is: "ready", loading: "nothing" };
  const older = log.events.length === 0 ? page : page.filter((event) => event.seq < log.first);
  const [start] = older;
  const end = older.at(-1);
  if (!start || !end) return base;
  if (log.events.length > 0 && end.seq !== log.first - 1) return base;
  const events = [...older, ...log.events];
  return {
    ...base,
    events,
    first: start.seq,
    last: Math.max(log.last, end.seq),
    transcript: extend(noTranscript, events),
  };
}
