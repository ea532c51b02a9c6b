/** The list of everything: sessions, threads, workers and agents, each as the server last said, ordered by `pos`. */
import type { Agent, ListFrame, Session, SessionId, Thread, Worker } from "./types";

export type List = {
  readonly sessions: ReadonlyMap<SessionId, Session>;
  readonly threads: ReadonlyMap<string, Thread>;
  readonly workers: ReadonlyMap<string, Worker>;
  readonly agents: ReadonlyMap<string, Agent>;
  /** Sessions of which only the row is known: without capabilities, settings, commands and result. */
  readonly partial: ReadonlySet<SessionId>;
  /** What was deleted, and where in the log: a late reply raises nobody from the dead. */
  readonly graves: ReadonlyMap<string, number>;
  /** Everything up to here is in; `null` before the first page. */
  readonly pos: number | null;
  /** Whether the server has said all that it had when we came. */
  readonly caught_up: boolean;
};

export const noList: List = {
  sessions: new Map(),
  threads: new Map(),
  workers: new Map(),
  agents: new Map(),
  partial: new Set(),
  graves: new Map(),
  pos: null,
  caught_up: false,
};

/** Takes sessions as they are known from anywhere: frames, pages, replies. The newer one wins, at equal age the fuller one. */
export function withSessions(list: List, sessions: readonly Session[], view: "full" | "row" = "full"): List {
  let next: Map<SessionId, Session> | null = null;
  let partial: Set<SessionId> | null = null;
  for (const session of sessions) {
    const held = (next ?? list.sessions).get(session.id);
    const fuller = view === "full" && (partial ?? list.partial).has(session.id);
    if (held && (held.pos > session.pos || (held.pos === session.pos && !fuller))) continue;
    const grave = list.graves.get(session.id);
    if (grave !== undefined && grave >= session.pos) continue;
    next ??= new Map(list.sessions);
    next.set(session.id, session);
    if (view === "row") (partial ??= new Set(list.partial)).add(session.id);
    else if (fuller) (partial ??= new Set(list.partial)).delete(session.id);
  }
  return next ? { ...list, sessions: next, partial: partial ?? list.partial } : list;
}

/** Takes threads; the newer one wins. */
export function withThreads(list: List, threads: readonly Thread[]): List {
  let next: Map<string, Thread> | null = null;
  for (const thread of threads) {
    const held = (next ?? list.threads).get(thread.id);
    if (held && held.pos >= thread.pos) continue;
    if ((list.graves.get(thread.id) ?? -1) >= thread.pos) continue;
    (next ??= new Map(list.threads)).set(thread.id, thread);
  }
  return next ? { ...list, threads: next } : list;
}

/** Takes the frames of one batch, in their order. */
export function withFrames(list: List, frames: readonly ListFrame[]): List {
  let pos = list.pos ?? 0;
  const sessions: Session[] = [];
  let next = list;
  const flush = () => {
    next = withSessions(next, sessions.splice(0));
  };
  for (const frame of frames) {
    pos = Math.max(pos, frame.pos);
    switch (frame.type) {
      case "session:started":
      case "session:updated":
      case "session:ended":
        sessions.push(frame.data);
        break;
      case "session:deleted":
      case "thread:deleted":
        flush();
        next = without(next, frame.data.id, frame.pos);
        break;
      case "thread:created":
      case "thread:updated":
        next = withThreads(next, [frame.data]);
        break;
      case "worker:connected":
      case "worker:updated":
      case "worker:disconnected":
        next = { ...next, workers: new Map(next.workers).set(frame.data.name, frame.data) };
        break;
      case "agent:updated":
        next = { ...next, agents: new Map(next.agents).set(frame.data.name, frame.data) };
        break;
      default:
        // A frame of a newer server. Its position still counts.
        break;
    }
  }
  flush();
  return next.pos === pos ? next : { ...next, pos };
}

function without(list: List, id: string, pos: number): List {
  const graves = new Map(list.graves).set(id, pos);
  if (list.sessions.has(id)) {
    const sessions = new Map(list.sessions);
    sessions.delete(id);
    return { ...list, sessions, graves };
  }
  if (list.threads.has(id)) {
    const threads = new Map(list.threads);
    threads.delete(id);
    return { ...list, threads, graves };
  }
  return { ...list, graves };
}
