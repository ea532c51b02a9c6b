/** What the fold asks to be loaded: from this browser's own copy where that will do, else from the server. */
import { UNREACHABLE } from "@/api/problem";
import type { Ask } from "@/store/fold";
import type { Problem, SessionId } from "@/store/types";
import { backoff } from "./backoff";
import type { Browser } from "./browser";
import type { Slice } from "./cache-list";
import { loadCuts, loadEvents, loadHeads, loadList, loadSession } from "./history";
import type { Store } from "./store";

/** A kept log that is so far behind is not caught up with: its end is asked for anew. */
const BEHIND_MAX = 2_000;

export type LoadAsk = Extract<
  Ask,
  { readonly ask: "load_list" | "load_session" | "load_events" | "load_heads" | "load_cuts" }
>;

/** The connection, as far as loading has to do with it. */
export type Line = {
  readonly isOpen: () => boolean;
  /** The first page of the list is in: it goes on from there. */
  readonly followList: () => void;
  readonly follow: (session: SessionId, after: number) => void;
  readonly refused: (problem: Problem) => void;
  readonly failed: (problem: Problem) => void;
};

export type Loads = {
  readonly load: (ask: LoadAsk) => void;
  /** Follows a short log from its start: what this browser has of it, and the rest from the stream. */
  readonly fromStart: (session: SessionId) => Promise<void>;
  /** Whether the list has all its pages: before that its copy would have holes. */
  readonly isWhole: () => boolean;
  /** Whether it has to be asked for: it is neither whole, nor on its way from this browser's copy. */
  readonly isWanted: () => boolean;
  /** Not any more: its cursor is of another log. */
  readonly torn: () => void;
  /** What this browser kept goes into the store; what was asked meanwhile goes on. */
  readonly restore: () => Promise<void>;
  /** The server is heard: what it did not answer is asked again. */
  readonly again: () => void;
};

export function newLoads(store: Store, browser: Browser, line: Line): Loads {
  let loading: Promise<void> | null = null;
  let list: "wanted" | "coming" | "whole" = "wanted";
  let failures = 0;
  /** Sessions that are wanted whole. */
  const wanted = new Set<SessionId>();
  let ready: () => void = () => undefined;
  const restored = new Promise<void>((resolve) => (ready = resolve));

  function load(ask: LoadAsk): void {
    switch (ask.ask) {
      case "load_list":
        loading ??= all();
        break;
      case "load_session":
        void session(ask.session);
        break;
      case "load_events":
        void events(ask);
        break;
      case "load_heads":
        void loadHeads(store, ask.session, ask.before, ask.types, ask.limit);
        break;
      case "load_cuts":
        void loadCuts(store, ask.session, ask.after);
        break;
    }
  }

  async function all(): Promise<void> {
    list = "wanted";
    const problem = await loadList(store, line.followList);
    loading = null;
    if (problem === null) {
      list = "whole";
      failures = 0;
      browser.note(store.get(), true);
    } else if (problem.status === 401) line.refused(problem);
    else {
      line.failed(problem);
      // If the connection is gone as well, its next hello asks again.
      const retry = () => line.isOpen() && list === "wanted" && load({ ask: "load_list" });
      setTimeout(retry, backoff(failures++, Math.random()));
    }
  }

  async function session(id: SessionId): Promise<void> {
    wanted.add(id);
    await restored;
    const { epoch, list: held } = store.get();
    if (held.sessions.has(id) && !held.partial.has(id)) wanted.delete(id);
    // Without the server's hello it is not known which log it would be of.
    if (epoch === null || !wanted.has(id)) return;
    const problem = await loadSession(store, id);
    if (problem?.code !== UNREACHABLE) wanted.delete(id);
  }

  async function events(ask: Extract<LoadAsk, { ask: "load_events" }>): Promise<void> {
    const { session: id, before, after, limit } = ask;
    const of = { before, after, limit };
    await restored;
    if (before === null && after === null) {
      const kept = await browser.copy.events(id, store.get().epoch);
      const head = store.get().list.sessions.get(id)?.seq ?? 0;
      const last = kept.at(-1)?.seq;
      if (last !== undefined && head - last <= BEHIND_MAX) {
        store.put({ is: "page", session: id, events: kept, of });
        return;
      }
    }
    await loadEvents(store, id, of);
  }

  async function fromStart(id: SessionId): Promise<void> {
    await restored;
    const kept = await browser.copy.events(id, store.get().epoch);
    if (kept[0]?.seq === 1) store.put({ is: "events", session: id, events: kept });
    const log = store.get().logs.get(id);
    if (log) line.follow(id, log.last);
  }

  async function restore(): Promise<void> {
    const kept = await browser.restored();
    // The server may have been quicker.
    if (kept && store.get().epoch === null) {
      const { epoch, pos, saved_at, first, rest } = kept;
      const take = ({ full, rows, threads }: Slice) => {
        // Meanwhile the server may have said that it has another log.
        if ((store.get().epoch ?? epoch) !== epoch) return;
        if (rows.length > 0) store.put({ is: "sessions", items: rows, view: "row", pos: null, epoch });
        if (full.length > 0) store.put({ is: "sessions", items: full, view: "full", pos: null, epoch });
        if (threads.length > 0) store.put({ is: "threads", items: threads });
      };
      take(first);
      store.put(
        { is: "sessions", items: [], view: "full", pos, epoch, saved_at },
        ...browser.visits.remembered(epoch),
      );
      list = "coming";
      void rest(take).then(cameBack);
    }
    ready();
  }

  function cameBack(complete: boolean): void {
    if (list !== "coming") return;
    list = complete ? "whole" : "wanted";
    if (complete) browser.note(store.get(), true);
    else if (line.isOpen()) load({ ask: "load_list" });
  }

  return {
    load,
    fromStart,
    isWhole: () => list === "whole",
    isWanted: () => list === "wanted",
    torn: () => {
      list = "wanted";
    },
    restore,
    again: () => {
      for (const id of wanted) load({ ask: "load_session", session: id });
    },
  };
}
