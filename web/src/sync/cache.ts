/**
 * This browser's own copy: the list, and the end of each log that was opened, so that a later visit paints at once and what was seen
 * stays readable offline. Written behind and in pieces. Whatever goes wrong with it, the page goes on without.
 */
import { preference } from "@/lib/preferences";
import type { Log } from "@/store/log";
import type { State } from "@/store/state";
import type { Event, SessionId } from "@/store/types";
import {
  changesOf,
  idle,
  joined,
  noSlice,
  nothingSaved,
  readSessions,
  readThreads,
  slicesOf,
  type Row,
  type Slice,
} from "./cache-list";
import { cutsOf, type Cuts, type LogRecord } from "./cache-log";
import { asked, done, openDatabase } from "./idb";

const SCHEMA = {
  name: "convene",
  version: 1,
  stores: { list: "id", sessions: "id", threads: "id", logs: "session", events: ["session", "seq"] },
};
const STORES = Object.keys(SCHEMA.stores);
/** Writing waits so long for more. */
const BEHIND_MS = 1_000;
/** So many objects are written at once: each is copied while nothing else runs. */
const PIECE = 100;
/** So many slices are told at once: whoever sorts the list does so each time. */
const TOLD = 10;
const BYTES_MAX = 50 * 1024 * 1024;
/** After so many failures it is left alone. */
const FAILURES_MAX = 3;

type Meta = {
  readonly id: "meta";
  readonly epoch: number;
  /** `null` until the list is whole. */
  readonly pos: number | null;
  readonly saved_at: number;
};
export type Kept = {
  readonly epoch: number;
  readonly pos: number;
  /** When it was last known to be true. */
  readonly saved_at: number;
  /** The newest sessions. */
  readonly first: Slice;
  /** Reads the others bit by bit; says whether that was all. */
  readonly rest: (take: (slice: Slice) => void) => Promise<boolean>;
};

export type Copy = {
  /** The list as it was kept; `null` if none was. */
  readonly restore: () => Promise<Kept | null>;
  /** The end of a log as it was kept. */
  readonly events: (session: SessionId, epoch: number | null) => Promise<readonly Event[]>;
  /** Takes note of what is known now. `whole`: the list has all its pages and its cursor is true. */
  readonly note: (state: State, whole: boolean) => void;
  /** Writes at once what is still to be written. */
  readonly flush: () => Promise<void>;
  readonly clear: () => Promise<void>;
  /** Looks whether somebody wants it: if not it is emptied, and nothing more is kept. */
  readonly heed: () => Promise<void>;
};

export function newCopy(): Copy {
  let db: Promise<IDBDatabase> | null = null;
  let failures = 0;
  let on = preference("copy");
  let latest: { readonly state: State; readonly whole: boolean } | null = null;
  let saved = nothingSaved();
  /** Logs that are to be written, as they last were; also of sessions that were closed since. */
  const dirty = new Map<SessionId, Log>();
  let timer: ReturnType<typeof setTimeout> | null = null;
  let writing: Promise<void> | null = null;

  const open = () => (db ??= openDatabase(SCHEMA));

  /** Does something with the database; `null` if it cannot be done. */
  async function attempt<T>(job: (db: IDBDatabase) => Promise<T>): Promise<T | null> {
    if (!on || failures >= FAILURES_MAX) return null;
    try {
      return await job(await open());
    } catch {
      failures++;
      db = null;
      return null;
    }
  }

  function restore(): Promise<Kept | null> {
    return attempt(async (db) => {
      const tx = db.transaction(["list", "sessions", "threads"]);
      const meta: Meta | undefined = await asked(tx.objectStore("list").get("meta"));
      if (!meta || meta.pos === null) return null;
      const sessions = slicesOf(await asked(tx.objectStore("sessions").getAllKeys()));
      const threads = slicesOf(await asked(tx.objectStore("threads").getAllKeys()));
      const held = { ...nothingSaved(), epoch: meta.epoch, pos: meta.pos };
      saved = held;
      const { epoch, pos, saved_at } = meta;
      const [newest, ...older] = sessions;
      const first = newest ? await readSessions(db, newest, held) : noSlice;
      const rest: Kept["rest"] = async (take) => {
        const read = await attempt(async () => {
          const jobs = [
            ...older.map((range) => () => readSessions(db, range, held)),
            ...threads.map((range) => () => readThreads(db, range, held)),
          ];
          let read: Slice[] = [];
          for (const job of jobs) {
            await idle();
            read.push(await job());
            if (read.length < TOLD) continue;
            take(joined(read));
            read = [];
          }
          take(joined(read));
          return true;
        });
        return read === true;
      };
      return { epoch, pos, saved_at, first, rest };
    });
  }

  async function events(session: SessionId, epoch: number | null): Promise<readonly Event[]> {
    const found = await attempt(async (db) => {
      const tx = db.transaction(["list", "events"]);
      const meta: Meta | undefined = await asked(tx.objectStore("list").get("meta"));
      if (!meta || meta.epoch !== epoch) return [];
      const held: Event[] = await asked(tx.objectStore("events").getAll(rangeOf(session)));
      // Only what is without gaps is worth something.
      const start = held.findLastIndex((event, at) => at > 0 && held[at - 1]?.seq !== event.seq - 1);
      return start === -1 ? held : held.slice(start);
    });
    return found ?? [];
  }

  function note(state: State, whole: boolean): void {
    if (!on || failures >= FAILURES_MAX) return;
    const before = latest?.state;
    const grown = whole && latest?.whole !== true;
    latest = { state, whole };
    if (before === state && !grown) return;
    if (before?.logs !== state.logs) {
      for (const [id, log] of state.logs)
        if (before?.logs.get(id) !== log && log.is === "ready") dirty.set(id, log);
    }
    const listed = whole && (grown || before?.list !== state.list || saved.pos !== state.list.pos);
    if (!listed && dirty.size === 0) return;
    timer ??= setTimeout(() => void flush(), BEHIND_MS);
  }

  function flush(): Promise<void> {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    return (writing ??= attempt(write).then((written) => {
      writing = null;
      // What of it was written is not known: all of it is written again.
      if (written === null) saved = nothingSaved();
    }));
  }

  async function write(db: IDBDatabase): Promise<void> {
    while (await writePiece(db)) await idle();
  }

  /** Writes a piece; says whether there is more. */
  async function writePiece(db: IDBDatabase): Promise<boolean> {
    // What is written has to be of the log that the server has now.
    if (latest === null || latest.state.link.is !== "live") return false;
    const { state, whole } = latest;
    const { epoch, list } = state;
    if (epoch === null) return false;
    const tx = db.transaction(STORES, "readwrite", { durability: "relaxed" });
    const finished = done(tx);
    const meta: Meta | undefined = await asked(tx.objectStore("list").get("meta"));
    if (meta?.epoch !== epoch) {
      for (const store of STORES) tx.objectStore(store).clear();
      tx.objectStore("list").put({ id: "meta", epoch, pos: null, saved_at: 0 } satisfies Meta);
      saved = { ...nothingSaved(), epoch };
    }
    let room = PIECE;
    // Another tab that knows more has written more.
    const isNewest = meta?.epoch !== epoch || (list.pos ?? 0) >= (meta.pos ?? 0);
    if (whole && isNewest && list.pos !== null) {
      const view = (id: SessionId): Row["view"] => (list.partial.has(id) ? "row" : "full");
      room -= changesOf(saved.sessions, list.sessions, room, tx.objectStore("sessions"), (session) => ({
        id: session.id,
        session,
        view: view(session.id),
      }));
      room -= changesOf(saved.threads, list.threads, room, tx.objectStore("threads"), (thread) => thread);
      if (room > 0) {
        const now: Meta = { id: "meta", epoch, pos: list.pos, saved_at: Date.now() };
        tx.objectStore("list").put(now);
        saved.pos = list.pos;
      }
    }
    for (const [id, log] of dirty) {
      if (room <= 0) break;
      const cut = await writeLog(tx, log, room);
      room -= cut.put.length;
      if (cut.done && dirty.get(id) === log) dirty.delete(id);
    }
    if (room > 0) await trim(tx, state);
    await finished;
    return room <= 0;
  }

  async function clear(): Promise<void> {
    latest = null;
    dirty.clear();
    saved = nothingSaved();
    await attempt(async (db) => {
      const tx = db.transaction(STORES, "readwrite");
      for (const store of STORES) tx.objectStore(store).clear();
      await done(tx);
    });
  }

  return {
    restore,
    events,
    note,
    flush,
    clear,
    heed: async () => {
      const wanted = preference("copy");
      if (on && !wanted) await clear();
      on = wanted;
    },
  };
}

/** Writes of a log what is new, so many events at most. */
async function writeLog(tx: IDBTransaction, log: Log, room: number): Promise<Cuts> {
  const [logs, events, id] = [tx.objectStore("logs"), tx.objectStore("events"), log.session];
  const held: LogRecord | undefined = await asked(logs.get(id));
  const cut = cutsOf(log, held ?? null, room);
  for (const event of cut.put) events.put({ ...event, session: id });
  for (const [from, to] of cut.drop) events.delete(IDBKeyRange.bound([id, from], [id, to]));
  const used_at = Date.now();
  if (cut.record) logs.put({ ...cut.record, used_at });
  return cut;
}

/** Lets logs go: of sessions that are gone, and those that were used longest ago when there is too much. */
async function trim(tx: IDBTransaction, state: State): Promise<void> {
  const records: (LogRecord & { used_at: number })[] = await asked(tx.objectStore("logs").getAll());
  let bytes = records.reduce((sum, record) => sum + record.bytes, 0);
  records.sort((a, b) => a.used_at - b.used_at);
  for (const { session, bytes: size } of records) {
    const gone = state.list.graves.has(session);
    if (!gone && (bytes <= BYTES_MAX || state.logs.has(session))) continue;
    tx.objectStore("logs").delete(session);
    tx.objectStore("events").delete(rangeOf(session));
    bytes -= size;
  }
}

function rangeOf(session: SessionId): IDBKeyRange {
  return IDBKeyRange.bound([session, 0], [session, Infinity]);
}
