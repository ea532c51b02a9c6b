/** Logs that are broken: sessions that cannot be followed, and what stands for events that are lost. */
import type { Event, Session, SessionId } from "./types";

/** Whether its log cannot be read to its end. Such a log is read page by page: a stream would break where it is broken. */
export function isDamaged(session: Pick<Session, "failure"> | undefined): boolean {
  return session?.failure?.code === "session_damaged";
}

/** What stands for events that are lost, one for each, so that a log has no gaps. The server has no such type. */
export const LOST = "event_lost";

/** The events of which one is, by their places. */
export type Lost = Event & { readonly type: typeof LOST; readonly from: number; readonly to: number };

export function isLost(event: Event): event is Lost {
  return (event.type as string) === LOST;
}

/**
 * A page of a whole log has all that there is: what is missing in it was lost. `from` and `to` are the places that it begins and
 * ends with, where these are known. The same list if nothing is missing.
 */
export function withLost(
  session: SessionId,
  events: readonly Event[],
  from: number | null,
  to: number | null,
): readonly Event[] {
  const start = from ?? events[0]?.seq;
  const end = to ?? events.at(-1)?.seq;
  if (start === undefined || end === undefined || events.length >= end - start + 1) return events;
  const whole: Event[] = [];
  const lose = (first: number, last: number, at: string) => {
    for (let seq = first; seq <= last; seq += 1)
      whole.push({ type: LOST, session, seq, pos: 0, at, from: first, to: last } as Event);
  };
  let next = start;
  for (const event of events) {
    lose(next, event.seq - 1, event.at);
    whole.push(event);
    next = event.seq + 1;
  }
  lose(next, end, whole.at(-1)?.at ?? new Date(0).toISOString());
  return whole;
}
