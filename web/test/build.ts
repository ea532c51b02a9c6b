/** Objects and logs for tests: a session as the server says it, and logs of any length. */
import type { ContentBlock, Event, KnownEvent, ListFrame, Session } from "@/store/types";
import { realRun } from "./golden";
import { random } from "./random";

const START = Date.UTC(2027, 0, 15, 8);

export function at(ms: number): string {
  return new Date(START + ms).toISOString();
}

export function aSession(over: Partial<Session> = {}): Session {
  if (!realRun.session) throw new Error("the real run has no session");
  return { ...realRun.session, ...over };
}

/** An idle session with a number: `ses_…7`. */
export function numbered(n: number, over: Partial<Session> = {}): Session {
  const digits = n.toString(16).padStart(32, "0");
  return aSession({
    id: `ses_${digits}`,
    short_id: digits.slice(-6),
    thread_id: `thr_${digits}`,
    title: `Task ${n}`,
    state: "idle",
    badge: "idle",
    pos: n,
    created_at: at(n * 1000),
    updated_at: at(n * 1000),
    last_prompt_at: at(n * 1000),
    stop_cause: null,
    stop_verified: null,
    ...over,
  });
}

export function aFrame(session: Session, command?: string): ListFrame {
  const frame = { type: "session:updated", pos: session.pos, at: session.updated_at, data: session } as const;
  return command === undefined ? frame : { ...frame, command };
}

export function deleted(id: string, pos: number, command?: string): ListFrame {
  const frame = { type: "session:deleted", pos, at: at(pos), data: { id } } as const;
  return command === undefined ? frame : { ...frame, command };
}

export function aText(text: string): ContentBlock[] {
  return [{ type: "text", text }];
}

/** An event without its head. */
type Told = KnownEvent extends infer T
  ? T extends KnownEvent
    ? Omit<T, "session" | "seq" | "pos" | "at">
    : never
  : never;

/** Events of one session, each after the other. */
export function teller(session: string, first = 1): (told: Told) => Event {
  let seq = first - 1;
  return (told) => {
    seq += 1;
    // A head and what is told make an event; the compiler does not distribute the spread over the types.
    return { session, seq, pos: seq * 3, at: at(seq * 40), ...told } as Event;
  };
}

export type LogShape = {
  readonly session?: string;
  readonly turns: number;
  /** About so many events a turn. */
  readonly length: number;
  readonly seed?: number;
  /** Whether the last turn goes on, and a prompt waits. */
  readonly running?: boolean;
};

/** A log of turns with thoughts, answers in pieces, plans, tool calls and now and then a question; prompts are queued ahead. */
export function aLog({ session = "ses_1", turns, length, seed = 1, running = false }: LogShape): Event[] {
  const by = random(seed);
  const tell = teller(session);
  const events: Event[] = [];
  const say = (told: Told) => events.push(tell(told));
  const id = (prefix: string, n: number) => `${prefix}_${n.toString(16).padStart(32, "0")}`;
  const queue = (turn: number) =>
    say({
      type: "turn_queued",
      turn: id("trn", turn),
      content: aText(`Prompt ${turn}`),
      source: "user",
      command: `key-${turn}`,
    });
  queue(1);
  for (let n = 1; n <= turns; n += 1) {
    const turn = id("trn", n);
    const end = events.length + length;
    say({ type: "turn_started", turn, number: n });
    say({ type: "turn_handed_over", turn, attempt: 1 });
    let part = 0;
    let isQueued = false;
    while (events.length < end) {
      part += 1;
      const name = n * 100_000 + part;
      const what = by.below(10);
      if (what < 4) {
        const channel = what === 0 ? "thought" : "answer";
        for (let piece = by.below(12); piece >= 0; piece -= 1) {
          const content = { type: "text", text: `word ${piece} of part ${part}. ` } as const;
          say({
            type: "message_appended",
            turn,
            attempt: 1,
            message: id("msg", name),
            role: "agent",
            channel,
            content,
          });
        }
      } else if (what < 9) {
        const kind = by.pick(["read", "read", "search", "edit", "execute"]);
        const call = { id: `call-${name}`, title: `${kind} ${part}`, kind, status: "in_progress" } as const;
        say({ type: "tool_call_updated", turn, attempt: 1, tool_call: call });
        const status = by.chance(0.1) ? "failed" : "completed";
        if (by.chance(0.97))
          say({ type: "tool_call_updated", turn, attempt: 1, tool_call: { id: call.id, status } });
      } else if (by.chance(0.3)) {
        say({
          type: "plan_updated",
          turn,
          attempt: 1,
          entries: [{ content: `Step ${part}`, status: "pending" }],
        });
      } else if (by.chance(0.5)) {
        const request = id("prm", name);
        const options = [{ id: "yes", name: "Allow", kind: "allow_once" } as const];
        say({
          type: "permission_requested",
          turn,
          attempt: 1,
          request,
          tool_call: { id: `call-${name}` },
          options,
        });
        say({
          type: "permission_decided",
          turn,
          request,
          option_id: "yes",
          decision: "allow_once",
          by: "ada",
        });
      } else if (!isQueued) {
        isQueued = true;
        queue(n + 1);
      }
    }
    if (!isQueued) queue(n + 1);
    if (n === turns && running) break;
    say({ type: "turn_ended", turn, attempt: 1, stop_reason: "end_turn", usage: { input_tokens: 100 * n } });
  }
  return events;
}
