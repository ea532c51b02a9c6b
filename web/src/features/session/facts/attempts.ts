/** The attempts of a session, as its log tells of them. */
import type { Event, EventOf, KnownEvent } from "@/store/types";

export type Attempt = {
  readonly number: number;
  readonly seq: number;
  readonly started_at: string | null;
  readonly worker: string | null;
  readonly pid: number | null;
  /** How the agent came to its session: `new`, `load`, `resume`. */
  readonly how: string | null;
  readonly ended: EventOf<"attempt_ended"> | null;
  readonly failed: EventOf<"attempt_failed"> | null;
};

/** Newest first. */
export function attemptsOf(events: readonly Event[]): readonly Attempt[] {
  const attempts = new Map<number, Attempt>();
  for (const given of events) {
    const event = given as KnownEvent;
    const number = event.attempt;
    if (typeof number !== "number") continue;
    const held: Attempt = attempts.get(number) ?? {
      number,
      seq: event.seq,
      started_at: null,
      worker: null,
      pid: null,
      how: null,
      ended: null,
      failed: null,
    };
    attempts.set(number, told(held, event));
  }
  return [...attempts.values()].sort((a, b) => b.number - a.number);
}

function told(held: Attempt, event: KnownEvent): Attempt {
  switch (event.type) {
    case "attempt_assigned":
      return { ...held, worker: event.worker };
    case "attempt_started":
      return { ...held, started_at: event.at };
    case "agent_launched":
      return { ...held, pid: event.pid ?? null };
    case "agent_session_started":
      return { ...held, how: event.how };
    case "attempt_ended":
      return { ...held, ended: event };
    case "attempt_failed":
      return { ...held, failed: event };
    default:
      return held;
  }
}
