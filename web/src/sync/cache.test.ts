/** This browser's copy, on an IndexedDB in memory. */
import { IDBFactory, IDBKeyRange, IDBObjectStore } from "fake-indexeddb";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { aLog, numbered, teller } from "../../test/build";
import { foldAll, type Input } from "@/store/fold";
import { append, newLog, type Log } from "@/store/log";
import { nothing, type State } from "@/store/state";
import type { Event, Session } from "@/store/types";
import { newCopy, type Copy } from "./cache";
import type { Slice } from "./cache-list";
import { KEPT_MAX } from "./cache-log";
import { newSync } from "./link";

const live: Input = { is: "link", link: { is: "live", since: 0, over: "socket", caught_up: 0 } };

function made(...inputs: Input[]): State {
  return foldAll(nothing, [{ is: "hello", epoch: 1, version: "0.1.0" }, live, ...inputs]).state;
}

function rows(sessions: readonly Session[], pos: number, view: "full" | "row" = "full"): Input {
  return { is: "sessions", items: sessions, view, pos, epoch: 1 };
}

function open(state: State, session: string, events: readonly Event[]): State {
  const { log } = append({ ...newLog(session), is: "ready" }, events);
  return withLog(state, log);
}

function withLog(state: State, log: Log): State {
  return { ...state, logs: new Map(state.logs).set(log.session, log) };
}

async function keep(copy: Copy, state: State): Promise<void> {
  copy.note(state, true);
  await copy.flush();
}

/** All that is kept of the list. */
async function restored(from = newCopy()) {
  const kept = await from.restore();
  if (kept === null) return null;
  const { epoch, pos, saved_at, first, rest } = kept;
  const slices = [first];
  const complete = await rest((slice) => slices.push(slice));
  const all = <T>(of: (slice: Slice) => readonly T[]) => slices.flatMap(of);
  return { epoch, pos, saved_at, complete, full: all((s) => s.full), rows: all((s) => s.rows) };
}

let copy: Copy;

beforeEach(() => {
  vi.stubGlobal("indexedDB", new IDBFactory());
  vi.stubGlobal("IDBKeyRange", IDBKeyRange);
  const kept = new Map<string, string>();
  vi.stubGlobal("localStorage", {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
    removeItem: (key: string) => kept.delete(key),
  });
  copy = newCopy();
});
afterEach(() => {
  vi.unstubAllGlobals();
});

describe("the list", () => {
  it("comes back as it was: whole, rows, threads, place and time", async () => {
    expect(await restored(copy)).toBeNull();
    const state = made(rows([numbered(1), numbered(2)], 7), rows([numbered(3)], 7, "row"));
    const before = Date.now();
    await keep(copy, state);
    const kept = await restored();
    expect(kept).toMatchObject({ epoch: 1, pos: 7 });
    expect(kept?.full.map(({ id }) => id)).toEqual([numbered(1).id, numbered(2).id]);
    expect(kept?.rows.map(({ id }) => id)).toEqual([numbered(3).id]);
    expect(kept?.saved_at).toBeGreaterThanOrEqual(before);
  });

  it("of ten thousand is kept, and a change of it is one write", async () => {
    const many = Array.from({ length: 10_000 }, (_, n) => numbered(n + 1));
    const state = made(rows(many, 10_000));
    await keep(copy, state);
    const again = newCopy();
    const kept = await restored(again);
    expect(kept?.full).toHaveLength(10_000);
    const put = vi.spyOn(IDBObjectStore.prototype, "put");
    const next = made(
      rows(kept?.full ?? [], 10_000),
      rows([numbered(5, { pos: 10_001, title: "New" })], 10_001),
    );
    await keep(again, next);
    // The session, and where the list is.
    expect(put).toHaveBeenCalledTimes(2);
    expect((await restored())?.full.find(({ id }) => id === numbered(5).id)?.title).toBe("New");
  });

  it("loses what was deleted", async () => {
    await keep(copy, made(rows([numbered(1), numbered(2)], 7)));
    await keep(copy, made(rows([numbered(2)], 9)));
    expect((await restored())?.full.map(({ id }) => id)).toEqual([numbered(2).id]);
  });

  it("is not kept before it is whole, nor while nobody is heard", async () => {
    copy.note(made(rows([numbered(1)], 7)), false);
    await copy.flush();
    expect(await restored()).toBeNull();
    await keep(copy, { ...made(rows([numbered(1)], 7)), link: { is: "closed" } });
    expect(await restored()).toBeNull();
  });

  it("is kept as soon as it is whole, also if nothing else changes then", async () => {
    const state = made(rows([numbered(1)], 7));
    copy.note(state, false);
    copy.note(state, true);
    await vi.waitUntil(async () => (await restored()) !== null, { timeout: 5_000 });
    expect((await restored())?.pos).toBe(7);
  });

  it("of another log replaces all that was kept", async () => {
    await keep(copy, open(made(rows([numbered(1)], 7)), "ses_1", aLog({ turns: 1, length: 20 })));
    const other = foldAll(nothing, [
      { is: "hello", epoch: 2, version: "0.1.0" },
      live,
      { is: "sessions", items: [numbered(9)], view: "full", pos: 3, epoch: 2 },
    ]).state;
    await keep(newCopy(), other);
    expect(await restored()).toMatchObject({ epoch: 2, pos: 3, full: [{ id: numbered(9).id }] });
    expect(await newCopy().events("ses_1", 1)).toEqual([]);
    expect(await newCopy().events("ses_1", 2)).toEqual([]);
  });

  it("of a tab that is behind does not undo what another one wrote", async () => {
    const late = newCopy();
    await keep(copy, made(rows([numbered(1, { title: "New", pos: 20 })], 20)));
    await keep(late, made(rows([numbered(1, { title: "Old", pos: 10 })], 10)));
    expect(await restored()).toMatchObject({ pos: 20, full: [{ title: "New" }] });
  });

  it("is written behind, once for what comes together", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const put = vi.spyOn(IDBObjectStore.prototype, "put");
    for (let n = 1; n <= 50; n++) copy.note(made(rows([numbered(1, { pos: n })], n)), true);
    expect(put).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1_000);
    vi.useRealTimers();
    await vi.waitUntil(async () => (await restored())?.pos === 50);
    // Whose log it is, the session, and where the list is.
    expect(put).toHaveBeenCalledTimes(3);
  });
});

describe("a log", () => {
  const long = aLog({ turns: 60, length: 60 });

  it("is kept by its last events, and grows with it", async () => {
    const base = made(rows([numbered(1)], 7));
    await keep(copy, open(base, "ses_1", long.slice(0, 3_000)));
    expect((await newCopy().events("ses_1", 1)).map(({ seq }) => seq)).toEqual(
      long.slice(3_000 - KEPT_MAX, 3_000).map(({ seq }) => seq),
    );
    await keep(copy, open(base, "ses_1", long.slice(0, 3_300)));
    const held = await newCopy().events("ses_1", 1);
    expect(held).toEqual(long.slice(3_300 - KEPT_MAX, 3_300));
  });

  it("that was closed at once is kept all the same", async () => {
    const base = made(rows([numbered(1)], 7));
    copy.note(open(base, "ses_1", long.slice(0, 50)), true);
    copy.note(base, true);
    await copy.flush();
    expect(await newCopy().events("ses_1", 1)).toHaveLength(50);
  });

  it("is begun anew behind a hole, and never has one", async () => {
    const base = made(rows([numbered(1)], 7));
    await keep(copy, open(base, "ses_1", long.slice(0, 100)));
    const tail: Log = {
      ...newLog("ses_1"),
      is: "ready",
      first: 3_001,
      last: 3_300,
      events: long.slice(3_000, 3_300),
    };
    await keep(copy, withLog(base, tail));
    expect((await newCopy().events("ses_1", 1)).map(({ seq }) => seq)).toEqual(
      Array.from({ length: 300 }, (_, n) => 3_001 + n),
    );
  });

  it("is not given up for a place far up in it", async () => {
    const base = made(rows([numbered(1)], 7));
    await keep(copy, open(base, "ses_1", long.slice(0, 3_300)));
    const far: Log = {
      ...newLog("ses_1"),
      is: "ready",
      first: 1,
      last: 300,
      events: long.slice(0, 300),
      live: false,
    };
    await keep(copy, withLog(base, far));
    expect((await newCopy().events("ses_1", 1)).at(-1)?.seq).toBe(3_300);
  });

  it("goes, the one that was opened longest ago first, when there is too much", async () => {
    const text = "x".repeat(9 << 20);
    vi.useFakeTimers({ toFake: ["Date"] });
    for (let n = 1; n <= 8; n++) {
      vi.setSystemTime(n * 1_000);
      const tell = teller(`ses_${n}`);
      const big = tell({ type: "log_note", note: text } as never);
      await keep(newCopy(), open(made(rows([numbered(1)], 7)), `ses_${n}`, [big]));
    }
    vi.useRealTimers();
    const left = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map((n) => copy.events(`ses_${n}`, 1)));
    expect(left.map(({ length }) => length)).toEqual([0, 0, 0, 1, 1, 1, 1, 1]);
  });
});

describe("the copy", () => {
  it("is emptied at sign-out", async () => {
    await keep(copy, open(made(rows([numbered(1)], 7)), "ses_1", aLog({ turns: 1, length: 20 })));
    await copy.clear();
    expect(await restored()).toBeNull();
    expect(await newCopy().events("ses_1", 1)).toEqual([]);
  });

  it("is emptied when it is switched off, and stays so", async () => {
    const state = made(rows([numbered(1)], 7));
    await keep(copy, state);
    localStorage.setItem("convene.copy", "false");
    await copy.heed();
    await keep(copy, { ...state });
    const later = newCopy();
    await keep(later, state);
    localStorage.removeItem("convene.copy");
    expect(await restored()).toBeNull();
    await later.heed();
    await keep(later, state);
    expect(await restored()).not.toBeNull();
  });

  it("is gone without harm where a browser keeps nothing", async () => {
    vi.stubGlobal("indexedDB", {
      open: () => {
        throw new DOMException("no", "SecurityError");
      },
    });
    const none = newCopy();
    expect(await restored(none)).toBeNull();
    await keep(none, made(rows([numbered(1)], 7)));
    expect(await none.events("ses_1", 1)).toEqual([]);
  });

  it("is painted before anybody is asked, with its time, and the list goes on after its place", async () => {
    await keep(copy, made(rows([numbered(1), numbered(2)], 7)));
    const dialed: string[] = [];
    vi.stubGlobal("location", new URL("http://127.0.0.1:4747/"));
    vi.stubGlobal("WebSocket", function Dial(this: object, url: URL) {
      dialed.push(String(url));
      return Object.assign(this, { close: () => undefined });
    });
    const fetched = vi.fn<typeof fetch>();
    vi.stubGlobal("fetch", fetched);
    const sync = newSync((then) => queueMicrotask(then));
    sync.start();
    await vi.waitUntil(() => dialed.length > 0);
    const { list, saved_at, epoch } = sync.store.get();
    expect([...list.sessions.keys()]).toEqual([numbered(1).id, numbered(2).id]);
    expect(list.pos).toBe(7);
    expect(epoch).toBe(1);
    expect(saved_at).toBeGreaterThan(0);
    expect(fetched).not.toHaveBeenCalled();
    sync.store.put({ is: "caught_up", topic: "list", after: 7 });
    expect(sync.store.get().saved_at).toBeNull();
  });
});
