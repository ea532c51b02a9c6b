/** The one door of the store: what is known and what came make what is known now, and what is to be asked for. */
import { withFrames, withSessions, noList } from "./list";
import { append, FIRST_PAGE, newLog, OLDER_PAGE, prepend, type Log } from "./log";
import type { Pending } from "./overlay";
import type { Link, State } from "./state";
import type { Agent, Event, ListFrame, Problem, Session, SessionId, Thread, Worker } from "./types";

/** All that ever comes in. */
export type Input =
  | { readonly is: "hello"; readonly epoch: number; readonly version: string }
  | { readonly is: "frames"; readonly frames: readonly ListFrame[] }
  | { readonly is: "events"; readonly session: SessionId; readonly events: readonly Event[] }
  | { readonly is: "caught_up"; readonly topic: string; readonly after: number }
  /** Sessions from a page of the list or from a browser's own copy. `pos` is where the list goes on from. */
  | {
      readonly is: "sessions";
      readonly items: readonly Session[];
      readonly view: "full" | "row";
      readonly pos: number | null;
      readonly epoch: number;
    }
  | { readonly is: "threads"; readonly items: readonly Thread[] }
  | { readonly is: "workers"; readonly items: readonly Worker[] }
  | { readonly is: "agents"; readonly items: readonly Agent[] }
  /** Older events, or the last ones. */
  | { readonly is: "page"; readonly session: SessionId; readonly events: readonly Event[] }
  | { readonly is: "page_failed"; readonly session: SessionId }
  | { readonly is: "command"; readonly command: Pending }
  | { readonly is: "reply"; readonly key: string; readonly session: Session | null }
  | { readonly is: "refused"; readonly key: string; readonly problem: Problem }
  | { readonly is: "dismissed"; readonly key: string }
  | { readonly is: "link"; readonly link: Link }
  | { readonly is: "opened"; readonly session: SessionId }
  | { readonly is: "closed"; readonly session: SessionId }
  | { readonly is: "older"; readonly session: SessionId }
  | { readonly is: "seen"; readonly session: SessionId; readonly seq: number }
  /** A cursor was refused: what was held of that topic is of another log. */
  | { readonly is: "reset"; readonly topic: string };

/** What the outside shall do. */
export type Ask =
  | { readonly ask: "subscribe"; readonly topic: string; readonly after: number }
  | { readonly ask: "unsubscribe"; readonly topic: string }
  | { readonly ask: "load_list" }
  | { readonly ask: "load_session"; readonly session: SessionId }
  | {
      readonly ask: "load_events";
      readonly session: SessionId;
      readonly before: number | null;
      readonly limit: number;
    };

export type Folded = { readonly state: State; readonly asks: readonly Ask[] };

const LIST = "list";

export function fold(state: State, input: Input): Folded {
  switch (input.is) {
    case "hello":
      return hello(state, input.epoch, input.version);
    case "frames":
      return to(settled({ ...state, list: withFrames(state.list, input.frames) }, input.frames));
    case "events":
      return events(state, input.session, input.events);
    case "caught_up":
      return to(caughtUp(state, input.topic));
    case "sessions": {
      const list = withSessions(state.list, input.items, input.view);
      const pos = input.pos === null ? list.pos : Math.max(list.pos ?? 0, input.pos);
      return to({ ...state, epoch: input.epoch, list: { ...list, pos } });
    }
    case "threads":
      return to({ ...state, list: { ...state.list, threads: byKey(input.items, (thread) => thread.id) } });
    case "workers":
      return to({ ...state, list: { ...state.list, workers: byKey(input.items, (worker) => worker.name) } });
    case "agents":
      return to({ ...state, list: { ...state.list, agents: byKey(input.items, (agent) => agent.name) } });
    case "page":
      return page(state, input.session, input.events);
    case "page_failed":
      return to(withLog(state, input.session, (log) => ({ ...log, loading: "nothing" })));
    case "command":
      return to({ ...state, pending: [...state.pending, input.command] });
    case "reply": {
      const list = input.session ? withSessions(state.list, [input.session]) : state.list;
      return to({ ...state, list, pending: state.pending.filter((command) => command.key !== input.key) });
    }
    case "refused":
      return to(refused(state, input.key, input.problem));
    case "dismissed": {
      const refusals = state.refusals.filter((refusal) => refusal.command.key !== input.key);
      return to({ ...state, refusals });
    }
    case "link":
      return to({ ...state, link: input.link });
    case "opened":
      return opened(state, input.session);
    case "closed": {
      const logs = new Map(state.logs);
      logs.delete(input.session);
      return { state: { ...state, logs }, asks: [{ ask: "unsubscribe", topic: input.session }] };
    }
    case "older":
      return older(state, input.session);
    case "seen": {
      if ((state.seen.get(input.session) ?? 0) >= input.seq) return to(state);
      return to({ ...state, seen: new Map(state.seen).set(input.session, input.seq) });
    }
    case "reset":
      return reset(state, input.topic);
  }
}

/** Takes many inputs one after the other. */
export function foldAll(state: State, inputs: readonly Input[]): Folded {
  const asks: Ask[] = [];
  let next = state;
  for (const input of inputs) {
    const folded = fold(next, input);
    next = folded.state;
    asks.push(...folded.asks);
  }
  return { state: next, asks };
}

function to(state: State): Folded {
  return { state, asks: [] };
}

function byKey<T>(items: readonly T[], key: (item: T) => string): ReadonlyMap<string, T> {
  return new Map(items.map((item) => [key(item), item]));
}

/** The server is another one, or has another log: nothing that is held means anything to it. What is on its way stays. */
function hello(state: State, epoch: number, version: string): Folded {
  if (state.epoch === null || state.epoch === epoch) return to({ ...state, epoch, version });
  const open = [...state.logs.keys()];
  const emptied: State = { ...state, epoch, version, list: noList, logs: new Map() };
  const again = foldAll(
    emptied,
    open.map((session) => ({ is: "opened", session })),
  );
  return { state: again.state, asks: [{ ask: "load_list" }, ...again.asks] };
}

function events(state: State, session: SessionId, batch: readonly Event[]): Folded {
  const log = state.logs.get(session);
  if (!log) return to(state);
  const appended = append(log, batch);
  const next = settled({ ...state, logs: new Map(state.logs).set(session, appended.log) }, batch);
  if (appended.gap === null) return to(next);
  return { state: next, asks: [{ ask: "subscribe", topic: session, after: appended.gap }] };
}

/** Commands whose key came back in what the server told are done. */
function settled(state: State, told: readonly { readonly command?: string | null }[]): State {
  if (state.pending.length === 0) return state;
  const keys = new Set(told.flatMap((one) => (one.command ? [one.command] : [])));
  const pending = state.pending.filter((command) => !keys.has(command.key));
  return pending.length === state.pending.length ? state : { ...state, pending };
}

function caughtUp(state: State, topic: string): State {
  if (topic === LIST) return { ...state, list: { ...state.list, caught_up: true } };
  return withLog(state, topic, (log) => ({ ...log, caught_up: true }));
}

function refused(state: State, key: string, problem: Problem): State {
  const command = state.pending.find((pending) => pending.key === key);
  if (!command) return state;
  const pending = state.pending.filter((other) => other.key !== key);
  return { ...state, pending, refusals: [...state.refusals, { command, problem }] };
}

/** A short log is read from its start over the stream; of a long one the last turns are asked for. */
function opened(state: State, session: SessionId): Folded {
  if (state.logs.has(session)) return to(state);
  const known = state.list.sessions.get(session);
  const asks: Ask[] = [];
  if (!known || state.list.partial.has(session)) asks.push({ ask: "load_session", session });
  const short = known !== undefined && known.seq <= FIRST_PAGE;
  const log = newLog(session);
  const logs = new Map(state.logs).set(session, short ? { ...log, is: "ready" as const } : log);
  if (short) asks.push({ ask: "subscribe", topic: session, after: 0 });
  else asks.push({ ask: "load_events", session, before: null, limit: FIRST_PAGE });
  return { state: { ...state, logs }, asks };
}

function page(state: State, session: SessionId, events: readonly Event[]): Folded {
  const log = state.logs.get(session);
  if (!log) return to(state);
  const next = prepend(log, events);
  const logs = new Map(state.logs).set(session, next);
  const asks: Ask[] = log.is === "asked" ? [{ ask: "subscribe", topic: session, after: next.last }] : [];
  return { state: { ...state, logs }, asks };
}

function older(state: State, session: SessionId): Folded {
  const log = state.logs.get(session);
  if (!log || log.is !== "ready" || log.loading !== "nothing" || log.first <= 1) return to(state);
  const next = withLog(state, session, (held) => ({ ...held, loading: "older" }));
  return {
    state: next,
    asks: [{ ask: "load_events", session, before: log.first, limit: OLDER_PAGE }],
  };
}

function reset(state: State, topic: string): Folded {
  if (topic === LIST) return { state: { ...state, list: noList }, asks: [{ ask: "load_list" }] };
  if (!state.logs.has(topic)) return to(state);
  const logs = new Map(state.logs);
  logs.delete(topic);
  return opened({ ...state, logs }, topic);
}

function withLog(state: State, session: SessionId, change: (log: Log) => Log): State {
  const log = state.logs.get(session);
  return log ? { ...state, logs: new Map(state.logs).set(session, change(log)) } : state;
}
