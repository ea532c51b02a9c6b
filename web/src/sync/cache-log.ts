/** Which events of a log are kept in this browser: the last ones, without gaps. */
import type { Log } from "@/store/log";
import type { Event, SessionId } from "@/store/types";

/** So many of each log. */
export const KEPT_MAX = 2_000;

export type LogRecord = {
  readonly session: SessionId;
  readonly first: number;
  readonly last: number;
  /** About so much. */
  readonly bytes: number;
};

export type Cuts = {
  readonly put: readonly Event[];
  /** From and to, both included. */
  readonly drop: readonly (readonly [number, number])[];
  readonly record: LogRecord | null;
  /** Whether nothing is left to do. */
  readonly done: boolean;
};

const nothing: Cuts = { put: [], drop: [], record: null, done: true };

/** What to write so that the end of `log` is kept, at most `room` events at once. */
export function cutsOf(log: Log, held: LogRecord | null, room: number): Cuts {
  if (log.last === 0 || log.events.length === 0) return nothing;
  const start = Math.max(log.first, log.last - KEPT_MAX + 1);
  const goesOn = held !== null && start <= held.last + 1 && log.last >= held.first;
  // A window far from the end is no reason to forget the end.
  if (!goesOn && held !== null && (!log.live || log.last < held.last)) return nothing;
  if (goesOn && log.last <= held.last) return nothing;
  const from = goesOn ? held.last + 1 : start;
  const fresh = log.events.slice(from - log.first, from - log.first + room);
  const last = from + fresh.length - 1;
  const size = fresh.reduce((sum, event) => sum + JSON.stringify(event).length, 0);
  if (!goesOn) {
    const drop = held === null ? [] : [[held.first, held.last] as const];
    const record = { session: log.session, first: from, last, bytes: size };
    return { put: fresh, drop, record, done: last === log.last };
  }
  const first = Math.max(held.first, last - KEPT_MAX + 1);
  const kept = (held.last - first + 1) / (held.last - held.first + 1);
  const bytes = Math.round(held.bytes * Math.max(0, kept)) + size;
  const drop = first > held.first ? [[held.first, first - 1] as const] : [];
  return { put: fresh, drop, record: { session: log.session, first, last, bytes }, done: last === log.last };
}
