/** A server in a few lines: holds one log and the list, and answers what the store asks for. */
import { fold, type Ask, type Input } from "@/store/fold";
import type { State } from "@/store/state";
import type { Event, Session } from "@/store/types";

export type FakeServer = {
  readonly epoch: number;
  readonly events: readonly Event[];
  readonly session: Session;
  /** How many of the events have happened. */
  head: number;
  /** Whether pages that go back begin with a whole turn, as the server is asked to. */
  readonly snap: boolean;
  readonly subscribed: Map<string, number>;
  /** All that was asked. */
  readonly asked: Ask[];
};

export function newServer(
  events: readonly Event[],
  session: Session,
  head = events.length,
  snap = false,
): FakeServer {
  return { epoch: 1, events, session, head, snap, subscribed: new Map(), asked: [] };
}

export function sessionNow(server: FakeServer): Session {
  const seq = server.events[server.head - 1]?.seq ?? 0;
  return { ...server.session, seq, pos: seq * 3, queue_length: 0 };
}

/** What comes back for an ask. */
export function answered(server: FakeServer, ask: Ask): readonly Input[] {
  server.asked.push(ask);
  const log = server.events.slice(0, server.head);
  const { id } = server.session;
  switch (ask.ask) {
    case "load_events": {
      const { before, after, limit } = ask;
      const found = log.filter(
        (event) => (before === null || event.seq < before) && (after === null || event.seq > after),
      );
      const events = after === null ? snapped(server, found, limit) : found.slice(0, limit);
      return [{ is: "page", session: ask.session, events, of: { before, after, limit } }];
    }
    case "load_heads": {
      const { before, types, limit } = ask;
      const events = log.filter((event) => event.seq < before && types.includes(event.type)).slice(-limit);
      return [{ is: "heads", session: ask.session, before, events }];
    }
    case "load_cuts": {
      const events = log.filter((event) => event.seq > ask.after && event.type === "session_rewound");
      return [{ is: "cuts", session: ask.session, events }];
    }
    case "subscribe": {
      server.subscribed.set(ask.topic, server.head);
      if (ask.topic !== id) return [{ is: "caught_up", topic: ask.topic, after: 0 }];
      const events = log.filter((event) => event.seq > ask.after);
      return [
        { is: "events", session: id, events },
        { is: "caught_up", topic: id, after: server.head },
      ];
    }
    case "unsubscribe":
      server.subscribed.delete(ask.topic);
      return [];
    case "load_session":
      return [{ is: "sessions", items: [sessionNow(server)], view: "full", pos: null, epoch: server.epoch }];
    case "load_list":
      return [
        {
          is: "sessions",
          items: [sessionNow(server)],
          view: "row",
          pos: server.head * 3,
          epoch: server.epoch,
        },
      ];
    case "notify":
      return [];
  }
}

/** The last events, and before them what belongs to the first one's turn, from its prompt on. */
function snapped({ snap }: FakeServer, found: readonly Event[], limit: number): readonly Event[] {
  const start = Math.max(0, found.length - limit);
  const turn = found.slice(start).find((event) => event.turn)?.turn;
  const begin = snap
    ? found.findIndex(
        (event, at) => at >= start - 2000 && event.turn === turn && event.type === "turn_queued",
      )
    : -1;
  return found.slice(begin === -1 ? start : Math.min(begin, start));
}

/** Events that happen now, to whoever listens. */
export function happen(server: FakeServer, count: number): readonly Input[] {
  const { id } = server.session;
  const events = server.events.slice(server.head, server.head + count);
  server.head += events.length;
  return server.subscribed.has(id) && events.length > 0 ? [{ is: "events", session: id, events }] : [];
}

/** Folds inputs, and the answers to what they make the store ask, until nothing is asked any more. */
export function run(
  state: State,
  server: FakeServer,
  inputs: readonly Input[],
  each?: (state: State) => void,
): State {
  const waiting = [...inputs];
  let next = state;
  for (let steps = 0; waiting.length > 0; steps += 1) {
    if (steps > 10_000) throw new Error("the store asks without end");
    const input = waiting.shift();
    if (!input) break;
    const folded = fold(next, input);
    next = folded.state;
    each?.(next);
    waiting.push(...folded.asks.flatMap((ask) => answered(server, ask)));
  }
  return next;
}
