/** The one door of the store: what is known and what came make what is known now, and what is to be asked for. */
import { isDamaged } from "./damage";
import type { Ask, Input } from "./input";
import { willWait, type Pending } from "./overlay";
import { noList, withFrames, withSessions, withThreads, type List } from "./list";
import { finishedBy, notices } from "./notify";
import {
  around,
  closed,
  cut,
  failed,
  headed,
  heardAgain,
  missed,
  newer,
  older,
  opened,
  paged,
  takenBack,
  told,
  toEnd,
  withLog,
} from "./open";
import { framed, refused, replied, settled, swept } from "./settle";
import { LIST, type Link, type State } from "./state";
import type { ListFrame } from "./types";

export type { Ask, Input, Notice } from "./input";

export type Folded = { readonly state: State; readonly asks: readonly Ask[] };

export function fold(state: State, input: Input): Folded {
  switch (input.is) {
    case "hello":
      return hello(state, input.epoch, input.version);
    case "frames":
      return remade(state, frames(state, input.frames));
    case "events":
      return told(state, input.session, input.events);
    case "caught_up": {
      const lacking = missed(state, input.topic);
      return { state: caughtUp(lacking.state, input.topic), asks: lacking.asks };
    }
    case "sessions":
      return remade(state, sessions(state, input));
    case "threads":
      return to({ ...state, list: withThreads(state.list, input.items) });
    case "workers":
      return to({ ...state, list: { ...state.list, workers: byKey(input.items, (worker) => worker.name) } });
    case "agents":
      return to({ ...state, list: { ...state.list, agents: byKey(input.items, (agent) => agent.name) } });
    case "page":
      return paged(state, input.session, input.events, input.of ?? null);
    case "page_failed":
      return to(failed(state, input.session, input.problem ?? null));
    case "heads":
      return to(headed(state, input.session, input.before, input.events));
    case "cuts":
      return to(cut(state, input.session, input.events));
    case "command":
      return to({ ...state, pending: [...state.pending, placed(state, input.command)] });
    case "reply": {
      const list = input.session ? withSessions(state.list, [input.session]) : state.list;
      return remade(state, to(replied({ ...state, list }, input.key, input.session)));
    }
    case "refused":
      return to(refused(state, input.key, input.problem));
    case "dismissed": {
      const refusals = state.refusals.filter((refusal) => refusal.command.key !== input.key);
      return to({ ...state, refusals });
    }
    case "link":
      return linked(state, input.link);
    case "opened":
      return opened(state, input.session, input.at ?? null);
    case "closed":
      return closed(state, input.session);
    case "older":
      return older(state, input.session);
    case "newer":
      return newer(state, input.session);
    case "around":
      return around(state, input.session, input.seq);
    case "latest":
      return toEnd(state, input.session);
    case "reader": {
      const log = state.logs.get(input.session);
      return to(!log || log.reader === input.seq ? state : withLog(state, { ...log, reader: input.seq }));
    }
    case "seen": {
      if ((state.seen.get(input.session) ?? 0) >= input.seq) return to(state);
      return to({ ...state, seen: new Map(state.seen).set(input.session, input.seq) });
    }
    case "remembered":
      return to(remembered(state, input));
    case "notified":
      return to(input.pos <= state.notified ? state : { ...state, notified: input.pos });
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

/** A prompt stands where it will be: in the queue if anything goes before it, else at the end of the talk. */
function placed(state: State, command: Pending): Pending {
  if (command.kind !== "prompt" || command.waits !== undefined) return command;
  const session = state.list.sessions.get(command.session);
  const first = !state.pending.some((other) => other.session === command.session && other.kind === "prompt");
  return { ...command, waits: !first || (session !== undefined && willWait(session)) };
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
  const emptied = renewed(state, epoch);
  return { state: { ...emptied.state, version }, asks: [{ ask: "load_list" }, ...emptied.asks] };
}

/** Nothing of the log that was is kept; what was open is opened again. */
function renewed(state: State, epoch: number): Folded {
  const open = [...state.logs.keys()];
  const emptied: State = {
    ...state,
    epoch,
    list: noList,
    logs: new Map(),
    seen: new Map(),
    finished: new Map(),
    notified: 0,
  };
  return foldAll(
    emptied,
    open.map((session) => ({ is: "opened", session })),
  );
}

function remembered(state: State, kept: Extract<Input, { is: "remembered" }>): State {
  return {
    ...state,
    seen: latestOf(state.seen, kept.seen),
    finished: latestOf(state.finished, kept.finished),
    notified: Math.max(state.notified, kept.notified),
  };
}

/** What is known of each session, as far on as either says. */
function latestOf(
  held: ReadonlyMap<string, number>,
  kept: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const newer = [...kept].filter(([session, seq]) => (held.get(session) ?? 0) < seq);
  return newer.length === 0 ? held : new Map([...held, ...newer]);
}

function sessions(state: State, input: Extract<Input, { is: "sessions" }>): Folded {
  const { items, view, pos, epoch, saved_at = state.saved_at } = input;
  if (state.epoch !== null && state.epoch !== epoch) {
    // Whom the stream comes from is the one to believe.
    if (state.link.is === "live" || state.link.is === "catching_up") return to(state);
    const emptied = renewed(state, epoch);
    const again = sessions(emptied.state, input);
    return { state: again.state, asks: [...emptied.asks, ...again.asks] };
  }
  const list = withSessions(state.list, items, view);
  const upTo = pos === null ? list.pos : Math.max(list.pos ?? 0, pos);
  // Of what is open more than the row is wanted.
  const asks = [...state.logs.keys()]
    .filter((session) => view === "row" && list.partial.has(session) && !state.list.partial.has(session))
    .map((session): Ask => ({ ask: "load_session", session }));
  return { state: { ...state, epoch, saved_at, list: { ...list, pos: upTo } }, asks };
}

function frames(state: State, given: readonly ListFrame[]): Folded {
  const list = withFrames(state.list, given);
  const next = framed(finishedBy(state, { ...state, list }, given), given);
  const cuts = next.logs.size === 0 ? [] : takenBack(state, next, [...next.logs.keys()]);
  const found = notices(state, next, given);
  if (found.length === 0) return { state: next, asks: cuts };
  const notified = Math.max(next.notified, ...found.map((notice) => notice.pos));
  const told = found.map((notice): Ask => ({ ask: "notify", ...notice }));
  return { state: { ...next, notified }, asks: [...told, ...cuts] };
}

function caughtUp(state: State, topic: string): State {
  const clean = swept(state, topic);
  if (topic === LIST) {
    // What happened while nobody was connected is seen in the list; it is too late to shout.
    const notified = Math.max(clean.notified, clean.list.pos ?? 0);
    return { ...clean, notified, saved_at: null, list: { ...clean.list, caught_up: true } };
  }
  const log = clean.logs.get(topic);
  return log ? settled(withLog(clean, { ...log, caught_up: true, hole: null }), []) : clean;
}

function linked(state: State, link: Link): Folded {
  const next = { ...state, link };
  if (link.is === "live") return link.is === state.link.is ? to(next) : heardAgain(next);
  const was = state.link.is;
  if (link.is === "catching_up" || (was !== "live" && was !== "catching_up")) return to(next);
  // Not heard any more: what comes later is caught up with, not new.
  const list: List = { ...next.list, caught_up: false };
  const logs = new Map([...next.logs].map(([id, log]) => [id, { ...log, caught_up: false }]));
  return to(swept({ ...next, list, logs }, null));
}

/** A log that was repaired is read anew, and followed. */
function remade(before: State, { state, asks }: Folded): Folded {
  const sessions = before.list.sessions;
  if (sessions === state.list.sessions) return { state, asks };
  const mended = [...state.logs.keys()].filter(
    (id) => isDamaged(sessions.get(id)) && !isDamaged(state.list.sessions.get(id)),
  );
  const again = foldAll(
    state,
    mended.map((topic) => ({ is: "reset", topic })),
  );
  return { state: again.state, asks: [...asks, ...again.asks] };
}

function reset(state: State, topic: string): Folded {
  if (topic === LIST) return { state: { ...state, list: noList }, asks: [{ ask: "load_list" }] };
  const log = state.logs.get(topic);
  if (!log) return to(state);
  const logs = new Map(state.logs);
  logs.delete(topic);
  return opened({ ...state, logs }, topic, log.around);
}
