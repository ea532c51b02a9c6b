/** What this browser has looked at and notified of, kept from one visit to the next and told to other tabs. */
import type { Input } from "@/store/fold";
import type { State } from "@/store/state";
import { readKept, writeKept } from "./kept";
import type { Tabs } from "./tabs";

const KEY = "convene.visits";
const BEHIND_MS = 1_000;
/** So many sessions are remembered, the last ones that were looked at. */
const SESSIONS_MAX = 5_000;

type Kept = {
  readonly epoch: number;
  readonly notified: number;
  readonly seen: Readonly<Record<string, number>>;
  /** Turns' ends that nobody has looked at. */
  readonly finished: Readonly<Record<string, number>>;
};

export type Visits = {
  /** What is remembered of a log; nothing of another one. */
  readonly remembered: (epoch: number | null) => readonly Input[];
  /** Takes note of what is known now. */
  readonly note: (state: State) => void;
  readonly flush: () => void;
  readonly forget: () => void;
};

/** `put` takes what other tabs tell. */
export function newVisits(tabs: Tabs, put: (input: Input) => void): Visits {
  let latest: State | null = null;
  let written: State | null = null;
  let timer: ReturnType<typeof setTimeout> | null = null;
  /** What came from another tab is not told again. */
  let taking = false;

  tabs.listen((told) => {
    if (told.is !== "seen" && told.is !== "notified") return;
    taking = true;
    put(told);
    taking = false;
  });

  function flush(): void {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (latest === null || latest === written || latest.epoch === null) return;
    written = latest;
    const { epoch, notified, seen, finished } = latest;
    const last = [...seen].slice(-SESSIONS_MAX);
    const before = kept();
    // Another tab may have looked at more.
    const others = before?.epoch === epoch ? before : null;
    const both: Record<string, number> = Object.fromEntries(last);
    for (const [session, seq] of Object.entries(others?.seen ?? {})) {
      const known = latest.list.sessions.has(session) || latest.list.pos === null;
      if (known && (both[session] ?? 0) < seq) both[session] = seq;
    }
    const unseen = [...Object.entries(others?.finished ?? {}), ...finished].filter(
      ([session, seq]) => seq > (both[session] ?? 0),
    );
    const ends = Object.fromEntries(unseen.sort(([, a], [, b]) => a - b).slice(-SESSIONS_MAX));
    writeKept(KEY, {
      epoch,
      notified: Math.max(notified, others?.notified ?? 0),
      seen: both,
      finished: ends,
    });
  }

  return {
    remembered: (epoch) => {
      const held = kept();
      if (held === null || held.epoch !== epoch) return [];
      const [seen, finished] = [new Map(Object.entries(held.seen)), new Map(Object.entries(held.finished))];
      return [{ is: "remembered", seen, finished, notified: held.notified }];
    },
    note: (state) => {
      const before = latest;
      latest = state;
      const same = before?.seen === state.seen && before.finished === state.finished;
      if (same && before.notified === state.notified) return;
      if (before && !taking && before.epoch === state.epoch) {
        for (const [session, seq] of state.seen) {
          if (before.seen.get(session) !== seq) tabs.tell({ is: "seen", session, seq });
        }
        // Only of what was said indeed: the one that speaks may hear of it later than this one.
        if (state.notified > before.notified && tabs.speaks())
          tabs.tell({ is: "notified", pos: state.notified });
      }
      timer ??= setTimeout(flush, BEHIND_MS);
    },
    flush,
    forget: () => {
      latest = written = null;
      writeKept(KEY, null);
    },
  };
}

function kept(): Kept | null {
  const held = readKept(KEY);
  if (typeof held !== "object" || held === null) return null;
  if (!("epoch" in held && "notified" in held && "seen" in held)) return null;
  const { epoch, notified, seen } = held;
  if (typeof epoch !== "number" || typeof notified !== "number" || typeof seen !== "object" || seen === null)
    return null;
  const finished: unknown = "finished" in held ? held.finished : null;
  return { epoch, notified, seen: numbersOf(seen), finished: numbersOf(finished) };
}

function numbersOf(value: unknown): Readonly<Record<string, number>> {
  if (typeof value !== "object" || value === null) return {};
  const numbers = Object.entries(value).filter(
    (entry): entry is [string, number] => typeof entry[1] === "number",
  );
  return Object.fromEntries(numbers);
}
