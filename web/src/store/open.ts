/** The sessions that are open in this tab: what happens to their logs, and what is asked for. */
import {
  append,
  FIRST_PAGE,
  lacksHeads,
  newLog,
  OLDER_PAGE,
  QUEUE_TYPES,
  withCuts,
  withHeads,
  withPage,
  type Log,
  type Page,
} from "./log";
import { isDamaged, withLost } from "./damage";
import type { Ask } from "./input";
import { settled } from "./settle";
import type { State } from "./state";
import type { Event, Problem, SessionId } from "./types";

type Folded = { readonly state: State; readonly asks: readonly Ask[] };

/** So much of what follows the event of a link is loaded with it. */
const AHEAD = 150;
const HEADS = 200;

/** A short log is read from its start over the stream; of a long one the last turns are asked for, or those of a link. */
export function opened(state: State, session: SessionId, at: number | null): Folded {
  const held = state.logs.get(session);
  if (held) {
    const again = held.is === "asked" && held.loading === "nothing" ? load(state, held, latest) : same(state);
    return at === null ? again : around(again.state, session, at);
  }
  const known = state.list.sessions.get(session);
  const asks: Ask[] = [];
  if (!known || state.list.partial.has(session)) asks.push({ ask: "load_session", session });
  const log = newLog(session);
  if (known && known.seq <= FIRST_PAGE && !isDamaged(known)) {
    asks.push({ ask: "subscribe", topic: session, after: 0 });
    return { state: withLog(state, { ...log, is: "ready", around: at }), asks };
  }
  const loading = at === null ? load(state, log, latest) : load(state, log, near(at));
  return { state: loading.state, asks: [...asks, ...loading.asks] };
}

export function closed(state: State, session: SessionId): Folded {
  if (!state.logs.has(session)) return same(state);
  const logs = new Map(state.logs);
  logs.delete(session);
  return { state: { ...state, logs }, asks: [{ ask: "unsubscribe", topic: session }] };
}

/** New events of a session. */
export function told(state: State, session: SessionId, batch: readonly Event[]): Folded {
  const log = state.logs.get(session);
  if (!log) return same(state);
  const { log: next, gap } = append(log, batch);
  const asks: Ask[] = gap === null ? [] : [{ ask: "subscribe", topic: session, after: gap }];
  if (log.live && !next.live) asks.push({ ask: "unsubscribe", topic: session });
  return { state: settled(withLog(state, next), batch), asks };
}

/** A page that was asked for. */
export function paged(state: State, session: SessionId, events: readonly Event[], of: Page | null): Folded {
  const log = state.logs.get(session);
  if (!log || log.loading === "nothing") return same(state);
  if (of && !(of.before === log.page?.before && of.after === log.page.after)) return same(state);
  const given = of ? filled(log, events, of) : events;
  const { log: next, joined } = withPage(log, given, head(state, session));
  const asks: Ask[] = [];
  if (joined && isDamaged(state.list.sessions.get(session))) return same(withLog(state, next));
  if (joined) asks.push({ ask: "subscribe", topic: session, after: next.last });
  else if (log.live && !next.live) asks.push({ ask: "unsubscribe", topic: session });
  // What comes after a window in the middle may have taken back some of it.
  if (log.loading === "around" && next.is === "ready" && !next.live) asks.push(askCuts(next));
  const folded = heads(settled(withLog(state, next), events), session);
  return { state: folded.state, asks: [...asks, ...folded.asks] };
}

export function failed(state: State, session: SessionId, problem: Problem | null): State {
  const log = state.logs.get(session);
  return log ? withLog(state, { ...log, loading: "nothing", page: null, failed: problem }) : state;
}

/** What still matters of before the window. */
export function headed(state: State, session: SessionId, before: number, events: readonly Event[]): State {
  const log = state.logs.get(session);
  return log ? withLog(state, withHeads(log, before, events)) : state;
}

/** A page, with what is lost in it. */
function filled(log: Log, events: readonly Event[], { after, before }: Page): readonly Event[] {
  if (log.loading === "older" && before !== null)
    return withLost(log.session, events, events.length === 0 ? 1 : null, before - 1);
  const from = log.loading === "newer" && after !== null && events.length > 0 ? after + 1 : null;
  return withLost(log.session, events, from, null);
}

/** The server has said all, and some of it is still missing: it is lost. A page tells how far. */
export function missed(state: State, session: SessionId): Folded {
  const log = state.logs.get(session);
  if (!log || log.hole === null || log.hole !== log.last || log.loading !== "nothing") return same(state);
  const asks: Ask[] = [{ ask: "unsubscribe", topic: session }];
  const next: Log = { ...log, live: false, hole: null };
  const loading = load(state, next, {
    loading: "newer",
    before: null,
    after: log.last,
    limit: OLDER_PAGE,
  });
  return { state: loading.state, asks: [...asks, ...loading.asks] };
}

/** What later events have taken back. */
export function cut(state: State, session: SessionId, events: readonly Event[]): State {
  const log = state.logs.get(session);
  return log ? withLog(state, withCuts(log, events)) : state;
}

/** A session of which the last turn is gone has been taken back: a window that is not at its end has to ask how far. */
export function takenBack(before: State, now: State, sessions: readonly SessionId[]): readonly Ask[] {
  return sessions.flatMap((id) => {
    const log = now.logs.get(id);
    if (!log || log.live || log.is !== "ready") return [];
    const had = before.list.sessions.get(id)?.last_turn;
    return had && now.list.sessions.get(id)?.last_turn === null ? [askCuts(log)] : [];
  });
}

function askCuts({ session, last }: Log): Ask {
  return { ask: "load_cuts", session, after: last };
}

export function older(state: State, session: SessionId): Folded {
  const log = state.logs.get(session);
  if (!log || log.is !== "ready" || log.loading !== "nothing" || log.first <= 1) return same(state);
  return load(state, log, { loading: "older", before: log.first, after: null, limit: OLDER_PAGE });
}

export function newer(state: State, session: SessionId): Folded {
  const log = state.logs.get(session);
  if (!log || log.is !== "ready" || log.loading !== "nothing" || log.live) return same(state);
  return load(state, log, { loading: "newer", before: null, after: log.last, limit: OLDER_PAGE });
}

/** Goes to an event: nothing is asked for if it is held, or if it is still to come. */
export function around(state: State, session: SessionId, seq: number): Folded {
  const log = state.logs.get(session);
  if (!log) return same(state);
  const held = log.is === "ready" && seq >= log.first && (seq <= log.last || log.live);
  if (held) return same(withLog(state, { ...log, around: seq }));
  return load(state, log, near(seq));
}

export function toEnd(state: State, session: SessionId): Folded {
  const log = state.logs.get(session);
  if (!log) return same(state);
  if (log.live && log.is === "ready") return same(withLog(state, { ...log, reader: null, around: null }));
  return load(state, { ...log, reader: null, around: null }, latest);
}

/** The server is heard again: what failed is asked for again, and holes are nobody's but the next stream's. */
export function heardAgain(state: State): Folded {
  const asks: Ask[] = [];
  let next = state;
  for (const log of state.logs.values()) {
    const calm: Log = { ...log, hole: null };
    if (log.is === "asked" && log.loading === "nothing") {
      const again = load(next, calm, log.around === null ? latest : near(log.around));
      next = again.state;
      asks.push(...again.asks);
    } else if (log.hole !== null) next = withLog(next, calm);
  }
  return { state: next, asks };
}

export function withLog(state: State, log: Log): State {
  return state.logs.get(log.session) === log
    ? state
    : { ...state, logs: new Map(state.logs).set(log.session, log) };
}

type Load = Page & { readonly loading: Log["loading"]; readonly around?: number };
const latest: Load = { loading: "latest", before: null, after: null, limit: FIRST_PAGE };

function near(seq: number): Load {
  return { loading: "around", before: seq + AHEAD, after: null, limit: FIRST_PAGE, around: seq };
}

function load(state: State, log: Log, { loading, around, before, after, limit }: Load): Folded {
  const page: Page = { before, after, limit };
  const next: Log = { ...log, loading, page, failed: null, around: around ?? log.around };
  return {
    state: withLog(state, next),
    asks: [{ ask: "load_events", session: log.session, ...page }],
  };
}

/** Asks for what the window lacks of before it. */
function heads(state: State, session: SessionId): Folded {
  const log = state.logs.get(session);
  if (!log || !lacksHeads(log, state.list.sessions.get(session)?.queue_length ?? 0)) return same(state);
  const before = log.first;
  const asks: Ask[] = [{ ask: "load_heads", session, before, types: QUEUE_TYPES, limit: HEADS }];
  if (log.transcript.plan.length === 0) {
    asks.push({ ask: "load_heads", session, before, types: ["plan_updated"], limit: 1 });
  }
  return { state: withLog(state, { ...log, heads: { before, events: [] } }), asks };
}

/** The last event of a session that is known of. */
function head(state: State, session: SessionId): number {
  return state.list.sessions.get(session)?.seq ?? 0;
}

function same(state: State): Folded {
  return { state, asks: [] };
}
