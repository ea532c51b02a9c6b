/** The list in the browser's copy: read in slices, written by what changed. */
import type { Session, SessionId, Thread } from "@/store/types";
import { asked } from "./idb";

/** So many objects are read at once: each is copied while nothing else runs. */
const SLICE = 200;

export type Row = { readonly id: SessionId; readonly session: Session; readonly view: "full" | "row" };

export type Slice = {
  readonly full: readonly Session[];
  readonly rows: readonly Session[];
  readonly threads: readonly Thread[];
};

/** What the database has of this tab's doing, so that only changes are written. */
export type Saved = {
  epoch: number | null;
  pos: number | null;
  sessions: Map<SessionId, Session>;
  threads: Map<string, Thread>;
};
export function nothingSaved(): Saved {
  return { epoch: null, pos: null, sessions: new Map(), threads: new Map() };
}

export const noSlice: Slice = { full: [], rows: [], threads: [] };

/** Keys in slices, the last ones first: ids begin with the time. */
export function slicesOf(keys: readonly IDBValidKey[]): readonly IDBKeyRange[] {
  const slices: IDBKeyRange[] = [];
  for (let end = keys.length; end > 0; end -= SLICE) {
    slices.push(IDBKeyRange.bound(keys[Math.max(0, end - SLICE)], keys[end - 1]));
  }
  return slices;
}

export async function readSessions(db: IDBDatabase, range: IDBKeyRange, saved: Saved): Promise<Slice> {
  const read: Row[] = await asked(db.transaction("sessions").objectStore("sessions").getAll(range));
  for (const { id, session } of read) saved.sessions.set(id, session);
  const of = (view: Row["view"]) => read.filter((row) => row.view === view).map((row) => row.session);
  return { full: of("full"), rows: of("row"), threads: [] };
}

export async function readThreads(db: IDBDatabase, range: IDBKeyRange, saved: Saved): Promise<Slice> {
  const threads: Thread[] = await asked(db.transaction("threads").objectStore("threads").getAll(range));
  for (const thread of threads) saved.threads.set(thread.id, thread);
  return { ...noSlice, threads };
}

export function joined(slices: readonly Slice[]): Slice {
  return {
    full: slices.flatMap(({ full }) => full),
    rows: slices.flatMap(({ rows }) => rows),
    threads: slices.flatMap(({ threads }) => threads),
  };
}

/** Waits until nothing else is to be done, or for a moment. */
export function idle(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof requestIdleCallback === "undefined") setTimeout(resolve, 0);
    else requestIdleCallback(() => resolve(), { timeout: 100 });
  });
}

/** Writes what is other than it was, so many at most; says how many. */
export function changesOf<T>(
  saved: Map<string, T>,
  now: ReadonlyMap<string, T>,
  room: number,
  store: IDBObjectStore,
  row: (item: T) => unknown,
): number {
  let count = 0;
  for (const [id, item] of now) {
    if (count >= room) return count;
    if (saved.get(id) === item) continue;
    store.put(row(item));
    saved.set(id, item);
    count++;
  }
  for (const id of [...saved.keys()]) {
    if (now.has(id)) continue;
    store.delete(id);
    saved.delete(id);
    count++;
  }
  return count;
}
