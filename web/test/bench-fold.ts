/** Figures of the fold: `node scripts/bench.mjs`. Processor time, medians of a few runs; memory is the heap that stays. */
import { fold, foldAll, type Input } from "@/store/fold";
import { newLog, OLDER_PAGE, withPage, append, type Log } from "@/store/log";
import { rowsOf, type Rows } from "@/store/rows";
import { newHome, type HomeView } from "@/store/select";
import { nothing, type State } from "@/store/state";
import { extend, noTranscript } from "@/store/transcript";
import type { Event, Session } from "@/store/types";
import { aFrame, aLog, at, numbered } from "./build";

type Host = {
  readonly gc: () => void;
  readonly memory: () => number;
  /** Processor time in milliseconds, which other programs on the machine do not change. */
  readonly cpu: () => number;
  readonly say: (line: string) => void;
};

export function bench({ gc, memory, cpu, say }: Host): void {
  const measure = (name: string, work: () => unknown, runs = 5) => {
    const times = Array.from({ length: runs }, () => {
      const begin = cpu();
      work();
      return cpu() - begin;
    }).sort((a, b) => a - b);
    say(`${name.padEnd(62)} ${(times[runs >> 1] ?? 0).toFixed(2).padStart(8)} ms`);
  };
  const heap = () => {
    gc();
    return memory() / 2 ** 20;
  };

  const events = aLog({ turns: 500, length: 200 }).slice(0, 100_000);
  const session = "ses_1";
  measure("100,000 events: whole transcript", () => extend(noTranscript, events));
  const stream = (size: number) => {
    let log: Log = { ...newLog(session), is: "ready" };
    for (let from = 0; from < events.length; from += size)
      log = append(log, events.slice(from, from + size)).log;
    return log;
  };
  measure("100,000 events: as a live stream of batches of 100", () => stream(100), 3);
  const text = events.map((event) => JSON.stringify(event)).join("\n");
  const before = heap();
  const log = parsed(text, session);
  const stays = heap() - before;
  say(
    `${`heap of what is held of ${mb(text.length)} MB, parsed and folded`.padEnd(62)} ${stays.toFixed(1).padStart(8)} MB`,
  );
  say(`events held ${log.events.length}, of ${mb(text.length)} MB of text ${text.split("\n").length}`);
  const full: Log = withHeld(events.slice(60_000, 66_500), session);
  const more = events.slice(full.last, full.last + 500);
  measure("one event more on a full window", () => append(full, more.slice(0, 1)), 51);
  measure("a page of older events before a full window", () =>
    withPage(
      { ...full, loading: "older", page: { before: full.first, after: null, limit: OLDER_PAGE } },
      events.slice(full.first - 1 - OLDER_PAGE, full.first - 1),
      100_000,
    ),
  );
  const input = (of: Log) => ({ log: of, seen: null, pending: none, refusals: none });
  let rows: Rows = rowsOf(input(full), null);
  measure("rows of a full window", () => rowsOf(input(full), null));
  const longer = append(full, more.slice(0, 1)).log;
  measure("rows of a full window after one event more", () => rowsOf(input(longer), rows), 51);
  rows = rowsOf(input(longer), rows);
  say(`rows ${rows.rows.length}, items ${full.transcript.items.length}, last ${log.last}`);

  const sessions = Array.from({ length: 10_000 }, (_, n) => numbered(n + 1, badgeOf(n)));
  const page: Input = { is: "sessions", items: sessions, view: "row", pos: 10_000, epoch: 1 };
  measure("a list of 10,000 sessions", () => fold(nothing, page));
  const state = fold(nothing, page).state;
  const home = newHome();
  measure("Home of 10,000, at first", () => newHome()(state, view("")));
  home(state, view(""));
  let n = 0;
  measure("… a key in the filter", () => home(state, view(`task ${(n += 1)}`)), 21);
  const next = (): State => {
    n += 1;
    const changed = { ...sessions[n], pos: 20_000 + n, updated_at: at(n) } as Session;
    return fold(state, { is: "frames", frames: [aFrame(changed)] }).state;
  };
  measure("… a frame into the list", next, 21);
  const states = Array.from({ length: 21 }, next);
  measure("… a frame, Home again", () => home(states.pop() ?? state, view("")), 21);
  const frames = sessions.map((known, index) => aFrame({ ...known, pos: 30_000 + index }));
  measure("10,000 frames in batches of 100", () => {
    const inputs: Input[] = [];
    for (let from = 0; from < frames.length; from += 100)
      inputs.push({ is: "frames", frames: frames.slice(from, from + 100) });
    return foldAll(state, inputs);
  });
}

const none: readonly never[] = [];
const mb = (bytes: number) => (bytes / 2 ** 20).toFixed(0);

/** A log that comes as text, in batches. */
function parsed(text: string, session: string): Log {
  let log: Log = { ...newLog(session), is: "ready" };
  const lines = text.split("\n");
  for (let from = 0; from < lines.length; from += 500) {
    log = append(log, JSON.parse(`[${lines.slice(from, from + 500).join(",")}]`) as Event[]).log;
  }
  return log;
}

function withHeld(held: ReturnType<typeof aLog>, session: string): Log {
  const first = held[0]?.seq ?? 1;
  const transcript = extend(noTranscript, held);
  return { ...newLog(session), is: "ready", events: held, first, last: held.at(-1)?.seq ?? 0, transcript };
}

function view(q: string): HomeView {
  return { q, section: null, group: "thread", sort: "prompt" };
}

function badgeOf(n: number): Partial<Session> {
  const badge = (["idle", "running", "stopped", "needs-you", "failed", "pending"] as const)[n % 6] ?? "idle";
  return {
    badge,
    cwd: `/home/ada/code/shop-${n % 40}`,
    workspace: null,
    last_prompt_at: at((n * 7919) % 1_000_000),
  };
}
