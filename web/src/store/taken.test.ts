import { describe, expect, it } from "vitest";
import { aFrame, aSession, aText, teller } from "../../test/build";
import { newServer, run, sessionNow, type FakeServer } from "../../test/server";
import { fold, foldAll, type Input } from "./fold";
import { rowsOf, type Rows } from "./rows";
import { nothing, type State } from "./state";
import { newTimeline } from "./timeline";
import type { Event } from "./types";

const S = "ses_1";
const link: Input = { is: "link", link: { is: "live", since: 0, over: "socket", caught_up: 0 } };

/** Turns of `length` events each; those from `back` on are taken back at the end, and `more` turns follow. */
function told({ turns = 40, length = 50, back = 11, more = 2, pieces = false } = {}): readonly Event[] {
  const tell = teller(S);
  const events: Event[] = [];
  const starts = new Map<number, number>();
  const turnOf = (n: number) => {
    const turn = `trn_${n}`;
    starts.set(n, events.length + 1);
    events.push(tell({ type: "turn_queued", turn, content: aText(`Prompt ${n}`) }));
    events.push(tell({ type: "turn_started", turn, number: n }));
    for (let part = 3; part < length; part += 1) {
      events.push(
        tell({
          type: "message_appended",
          turn,
          message: pieces ? `msg_${n}` : `msg_${n}_${part}`,
          role: "agent",
          channel: "answer",
          content: { type: "text", text: `${n}.${part}` },
        }),
      );
    }
    events.push(tell({ type: "turn_ended", turn, stop_reason: "end_turn" }));
  };
  for (let n = 1; n <= turns; n += 1) turnOf(n);
  const to_seq = (starts.get(back) ?? 1) - 1;
  events.push(
    tell({ type: "session_rewound", to_seq, prompt: `trn_${back}`, number: back, kept: back - 1, by: "ada" }),
  );
  for (let n = turns + 1; n <= turns + more; n += 1) turnOf(n);
  return events;
}

const session = aSession({ id: S });

function open(server: FakeServer, at: number | null = null): State {
  return run(nothing, server, [
    { is: "hello", epoch: 1, version: "1" },
    { is: "sessions", items: [sessionNow(server)], view: "row", pos: 0, epoch: 1 },
    { is: "opened", session: S, at },
    link,
  ]);
}

/** The turns of which anything is in sight. */
function seen(state: State): readonly string[] {
  const items = state.logs.get(S)?.transcript.items ?? [];
  return [...new Set(items.flatMap((item) => item.turn ?? []))];
}

const turns = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, at) => `trn_${from + at}`);

describe("what was taken back", () => {
  it("stays out of sight in older pages that are read afterwards", () => {
    const server = newServer(told(), session);
    let state = open(server);
    expect(seen(state).slice(-2)).toEqual(turns(41, 42));
    while ((state.logs.get(S)?.first ?? 1) > 1) {
      state = run(state, server, [{ is: "older", session: S }]);
      expect(seen(state).every((turn) => turns(1, 10).includes(turn) || turns(41, 42).includes(turn))).toBe(
        true,
      );
    }
    expect(seen(state)).toEqual([...turns(1, 10), ...turns(41, 42)]);
  });

  it("is out of sight in a window that ends before it was", () => {
    const server = newServer(told(), session);
    // Turns 5 to 16 or so; 11 and those after it are taken back far behind the window.
    const state = open(server, 500);
    expect(state.logs.get(S)?.live).toBe(false);
    expect(server.asked).toContainEqual({ ask: "load_cuts", session: S, after: state.logs.get(S)?.last });
    expect(seen(state).at(-1)).toBe("trn_10");
  });

  it("stays out of sight while somebody reads on to where it is told, and what comes after it is seen", () => {
    const server = newServer(told(), session);
    let state = open(server, 500);
    while (state.logs.get(S)?.live === false) {
      state = run(state, server, [{ is: "newer", session: S }]);
      expect(seen(state)).not.toContain("trn_11");
      expect(seen(state)).not.toContain("trn_40");
    }
    expect(seen(state).slice(-3)).toEqual(["trn_10", ...turns(41, 42)]);
  });

  it("does not come back when the end is let go to make room", () => {
    // Far more than may be held.
    const server = newServer(told({ turns: 600, back: 300, pieces: true }), session);
    let state = open(server);
    const gone = new Set(turns(300, 600));
    while (state.logs.get(S)?.live) {
      const first = state.logs.get(S)?.first ?? 1;
      state = run(state, server, [
        { is: "reader", session: S, seq: first },
        { is: "older", session: S },
      ]);
      expect(seen(state).filter((turn) => gone.has(turn))).toEqual([]);
    }
    const log = state.logs.get(S);
    expect(log?.events.map(({ type }) => type)).not.toContain("session_rewound");
    expect(log?.events.some(({ turn }) => turn === "trn_300")).toBe(true);
    expect(seen(state)).toContain("trn_299");
  });

  it("by somebody else leaves a window that is not at the end", () => {
    const whole = told();
    const at = whole.findIndex((event) => event.type === "session_rewound");
    const server = newServer(whole, session, at);
    let state = open(server, 500);
    const had = aSession({ id: S, seq: at, pos: 3 * at });
    state = run(state, server, [{ is: "frames", frames: [aFrame(had)] }]);
    expect(seen(state)).toContain("trn_12");
    server.head = at + 1;
    const now = { ...had, seq: at + 1, pos: 3 * at + 3, last_turn: null };
    state = run(state, server, [{ is: "frames", frames: [aFrame(now)] }]);
    expect(seen(state).at(-1)).toBe("trn_10");
  });

  it("is marked in the timeline, which tells what happened", () => {
    const state = open(newServer(told({ turns: 4, length: 8, back: 3, more: 1 }), session));
    const transcript = state.logs.get(S)?.transcript;
    const timeline = transcript === undefined ? [] : newTimeline()(transcript);
    expect(timeline.map(({ id, taken }) => [id, taken])).toEqual([
      ["trn_1", false],
      ["trn_2", false],
      ["trn_3", true],
      ["trn_4", true],
      ["trn_5", false],
    ]);
  });
});

describe("taking back", () => {
  const events = told({ turns: 4, length: 8, back: 3, more: 0 });
  const before = events.slice(0, -1);
  const asked = (turn: string): Input => ({
    is: "command",
    command: { key: "k", at: 0, session: S, kind: "rewind", turn },
  });
  const command = asked("trn_3");
  const rowsIn = (state: State, held: Rows | null = null): Rows => {
    const log = state.logs.get(S);
    if (!log) throw new Error("not open");
    const { pending, refusals } = state;
    return rowsOf({ log, seen: null, pending, refusals }, held);
  };
  const turnsIn = ({ rows }: Rows) =>
    rows.flatMap((row) => (row.kind === "turn" || row.kind === "rewinding" ? [row.turn ?? row.kind] : []));
  const opened = () => open(newServer(before, session));
  const done = { ...aSession({ id: S }), seq: events.length, pos: 3 * events.length, last_turn: null };

  it("is seen at once, and what follows is gone from sight", () => {
    const state = fold(opened(), command).state;
    expect(turnsIn(rowsIn(state))).toEqual(["trn_1", "trn_2", "rewinding"]);
  });

  it("that is refused puts back what was there, the same objects, and says so", () => {
    const first = opened();
    const held = rowsIn(first);
    const out = fold(first, command).state;
    const problem = { code: "wrong_state", detail: "it works" };
    const back = fold(out, { is: "refused", key: "k", problem }).state;
    expect(rowsIn(back, rowsIn(out, held)).rows).toEqual(held.rows);
    expect(back.refusals).toMatchObject([{ command: { kind: "rewind" }, problem }]);
  });

  it.each([
    ["the reply first", ["reply", "event"]],
    ["the event first", ["event", "reply"]],
  ])("never shows what is gone once more: %s", (_, order) => {
    const event: Input = { is: "events", session: S, events: [{ ...events.at(-1), command: "k" } as Event] };
    const reply: Input = { is: "reply", key: "k", session: done };
    let state = fold(opened(), command).state;
    for (const step of order) {
      state = fold(state, step === "reply" ? reply : event).state;
      expect(turnsIn(rowsIn(state)).slice(0, 3)).not.toContain("trn_3");
    }
    expect(state.pending).toEqual([]);
    expect(turnsIn(rowsIn(state))).toEqual(["trn_1", "trn_2"]);
  });

  it("waits for a log that is behind its reply, and not for one that is not followed", () => {
    const reply: Input = { is: "reply", key: "k", session: done };
    const behind = foldAll(opened(), [command, reply]).state;
    expect(behind.pending).toHaveLength(1);
    const elsewhere = open(newServer(told(), session), 500);
    expect(foldAll(elsewhere, [asked("trn_5"), reply]).state.pending).toEqual([]);
  });
});
