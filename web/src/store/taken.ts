/** What was taken back by a rewind: it stays in the log, and is no part of the conversation any more. */
import { standsAt, type Item, type TurnRecord } from "./items";
import type { Event, EventOf, TurnId } from "./types";

/** A part of a log that was taken back: what is after the one event and before the other, which says so. */
export type Cut = { readonly after: number; readonly before: number };

/** What is known to be taken back, with what these events say. The same list if they say nothing new. */
export function withCutsOf(cuts: readonly Cut[], events: readonly Event[]): readonly Cut[] {
  const told = events.filter(isRewind).map((event): Cut => ({ after: event.to_seq, before: event.seq }));
  const fresh = told.filter(({ before }) => !cuts.some((known) => known.before === before));
  return fresh.length === 0 ? cuts : [...cuts, ...fresh];
}

/** The last event before all that is taken back by what comes after `last`; `null` if nothing up to there is. */
export function takenAfter(cuts: readonly Cut[], last: number): number | null {
  const after = Math.min(...cuts.filter(({ before }) => before > last).map((cut) => cut.after));
  return after < last ? after : null;
}

export function itemsUpTo(items: readonly Item[], after: number): readonly Item[] {
  return items.filter((item) => standsAt(item) <= after);
}

/** The turns, with those marked that ended after an event. Nothing runs while something is taken back. */
export function turnsUpTo(
  turns: ReadonlyMap<TurnId, TurnRecord>,
  after: number,
): ReadonlyMap<TurnId, TurnRecord> {
  const isTaken = ({ ended, taken }: TurnRecord) => !taken && ended !== null && ended.seq > after;
  const taken = [...turns.values()].filter(isTaken);
  if (taken.length === 0) return turns;
  const next = new Map(turns);
  for (const turn of taken) next.set(turn.id, { ...turn, taken: true });
  return next;
}

function isRewind(event: Event): event is EventOf<"session_rewound"> {
  return event.type === "session_rewound";
}
