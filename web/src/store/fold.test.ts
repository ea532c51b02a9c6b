/** The door: what is asked for, what is guessed and taken back, and that order does not matter. */
import { describe, expect, it } from "vitest";
import { aFrame, aLog, aSession, aText, deleted, numbered, teller } from "../../test/build";
import { realFrames, realReplies, realRun } from "../../test/golden";
import { chunks, random, seeds } from "../../test/random";
import { shownState } from "../../test/shown";
import { fold, foldAll, type Input } from "./fold";
import { intentOf, withPending, type Pending, type Wanted } from "./overlay";
import { rowsOf } from "./rows";
import { newHome, queueOf, type HomeView } from "./select";
import { nothing, type Link, type State } from "./state";
import type { Event, EventOf, ListFrame, Session } from "./types";

const live: Link = { is: "live", since: 0, over: "socket", caught_up: 0 };
const all: HomeView = { q: "", section: null, group: "none", sort: "prompt" };
const S = "ses_1";

function command(key: string, wanted: Wanted, session = S): Input {
  return { is: "command", command: { key, at: 0, session, ...wanted } as Pending };
}

const reply = (key: string, session: Session | null = null): Input => ({ is: "reply", key, session });
const refused = (key: string): Input => ({
  is: "refused",
  key,
  problem: { code: "conflict", detail: "It is running." },
});

function after(inputs: readonly Input[], from: State = nothing): State {
  return foldAll(from, inputs).state;
}

/** A tab that shows one idle session to its end. */
function open(session: Partial<Session> = {}, log: readonly Event[] = []): State {
  const last = log.at(-1);
  const known = numbered(1, { id: S, seq: last?.seq ?? 0, pos: last?.pos ?? 1, ...session });
  return after([
    { is: "hello", epoch: 1, version: "1" },
    { is: "sessions", items: [known], view: "full", pos: known.pos, epoch: 1 },
    { is: "caught_up", topic: "list", after: known.pos },
    { is: "link", link: live },
    { is: "opened", session: S },
    { is: "events", session: S, events: log },
    { is: "caught_up", topic: S, after: 0 },
  ]);
}

/** What is in the rows and in the queue of the session. */
function prompts(state: State): { rows: string[]; queue: string[] } {
  const log = state.logs.get(S);
  if (!log) throw new Error("not open");
  const { pending, refusals } = state;
  const { rows } = rowsOf({ log, seen: null, pending, refusals }, null);
  return {
    rows: rows.flatMap((row) =>
      row.kind === "turn" || row.kind === "pending" || row.kind === "refused" ? [row.kind] : [],
    ),
    queue: queueOf(state, S).map((item) => item.doing),
  };
}

describe("a prompt", () => {
  const tell = teller(S, 1);
  const queued = tell({
    type: "turn_queued",
    turn: "trn_1",
    content: aText("Hi"),
    source: "user",
    command: "k",
  });
  const started = tell({ type: "turn_started", turn: "trn_1", number: 1 });
  const told: Input = { is: "events", session: S, events: [queued, started] };
  const running = numbered(1, { id: S, seq: 2, pos: 6, turn: turnObject("trn_1") });
  const sent = command("k", { kind: "prompt", content: aText("Hi") });
  const inOrders: [string, Input[]][] = [
    ["the event before the reply", [told, reply("k", running)]],
    ["the reply before the event", [reply("k", running), told]],
    [
      "the frame, the reply, the event",
      [{ is: "frames", frames: [aFrame(running, "k")] }, reply("k", running), told],
    ],
    ["the frame and the event, and never a reply", [{ is: "frames", frames: [aFrame(running, "k")] }, told]],
    ["the event twice", [told, told, reply("k", running), told]],
  ];

  it.each(inOrders)("is one row in each step: %s", (_, steps) => {
    let state = after([sent], open());
    expect(prompts(state)).toEqual({ rows: ["pending"], queue: [] });
    for (const step of steps) {
      state = after([step], state);
      // At its place from the first moment on.
      expect(prompts(state)).toEqual({ rows: [expect.any(String)], queue: [] });
    }
    state = after([{ is: "frames", frames: [aFrame(running)] }, told], state);
    expect(prompts(state)).toEqual({ rows: ["turn"], queue: [] });
    expect(state.pending).toEqual([]);
  });

  it("that is refused goes, and leaves a note until it is read", () => {
    const state = after([sent, refused("k")], open());
    expect(prompts(state)).toEqual({ rows: ["refused"], queue: [] });
    expect(state.refusals[0]).toMatchObject({ command: { key: "k" }, problem: { code: "conflict" } });
    expect(prompts(after([{ is: "dismissed", key: "k" }], state)).rows).toEqual([]);
  });

  it("whose events are not watched is done with the reply", () => {
    const state = after([{ is: "closed", session: S }, sent, reply("k", running)], open());
    expect(state.pending).toEqual([]);
  });

  it("is not shown for ever when its event never names it", () => {
    const { command: _, ...nameless } = queued as EventOf<"turn_queued">;
    const state = after(
      [sent, reply("k", running), { is: "events", session: S, events: [nameless, started] }],
      open(),
    );
    expect(state.pending).toEqual([]);
    expect(prompts(state).rows).toEqual(["turn"]);
  });

  it("survives a link that broke, until it is known what became of it", () => {
    const state = after([sent, { is: "link", link: { is: "closed" } }, { is: "link", link: live }], open());
    expect(state.pending).toHaveLength(1);
    expect(after([told], state).pending).toEqual([]);
  });

  it("waits in the queue and not in the rows while a turn is on", () => {
    const state = after(
      [
        { is: "frames", frames: [aFrame(running)] },
        told,
        command("k2", { kind: "prompt", content: aText("Next") }),
      ],
      open(),
    );
    expect(prompts(state)).toEqual({ rows: ["turn"], queue: ["sending"] });
  });
});

describe("the queue", () => {
  const tell = teller(S, 1);
  const ids = ["trn_1", "trn_2", "trn_3"];
  const log = ids.map((turn) => tell({ type: "turn_queued", turn, content: aText(turn), source: "user" }));
  const state = open({ queue_length: 3, seq: 3 }, log);
  const shown = (of: State) => queueOf(of, S).map((item) => `${item.turn} ${item.doing}`);

  it("has its entries in order", () => {
    expect(shown(state)).toEqual(["trn_1 nothing", "trn_2 nothing", "trn_3 nothing"]);
  });

  it("moves, edits and drops at once, and goes back when that is refused", () => {
    const changed = after(
      [
        command("a", { kind: "move_queued", turn: "trn_3", position: 1 }),
        command("b", { kind: "edit_queued", turn: "trn_1", content: aText("other") }),
        command("c", { kind: "drop_queued", turn: "trn_2" }),
      ],
      state,
    );
    expect(shown(changed)).toEqual(["trn_3 moving", "trn_1 editing", "trn_2 dropping"]);
    expect(queueOf(changed, S)[1]?.content).toEqual(aText("other"));
    expect(shown(after([refused("a"), refused("b"), refused("c")], changed))).toEqual(shown(state));
  });

  it("does not jump back between a reply that says little and the event", () => {
    const edit = command("b", { kind: "edit_queued", turn: "trn_1", content: aText("other") });
    const answered = after([edit, reply("b")], state);
    expect(queueOf(answered, S)[0]?.content).toEqual(aText("other"));
    const event = tell({ type: "queue_entry_edited", turn: "trn_1", content: aText("other"), command: "b" });
    const done = after([{ is: "events", session: S, events: [event] }], answered);
    expect(done.pending).toEqual([]);
    expect(queueOf(done, S)[0]).toMatchObject({ content: aText("other"), doing: "nothing" });
  });

  it("keeps no guess that was answered once all is known", () => {
    const answered = after([command("c", { kind: "drop_queued", turn: "trn_2" }), reply("c")], state);
    expect(answered.pending).toHaveLength(1);
    expect(after([{ is: "caught_up", topic: S, after: 0 }], answered).pending).toEqual([]);
    expect(after([{ is: "link", link: { is: "closed" } }], answered).pending).toEqual([]);
  });
});

describe("a session", () => {
  it("is renamed at once; a refusal takes it back and says why", () => {
    const state = after([command("k", { kind: "rename", title: "Other" })], open({ title: "One" }));
    const confirmed = state.list.sessions.get(S);
    expect(confirmed?.title).toBe("One");
    if (confirmed) expect(withPending(confirmed, state.pending).title).toBe("Other");
    const back = after([refused("k")], state);
    expect(back.pending).toEqual([]);
    expect(back.refusals.map((refusal) => refusal.command.kind)).toEqual(["rename"]);
  });

  it("that is stopped shows the intent, and the outcome when it comes", () => {
    const state = after([command("k", { kind: "stop", mode: "graceful" })], open());
    expect(intentOf(state.pending, S)).toBe("stop");
    expect(state.list.sessions.get(S)?.badge).toBe("idle");
    const stopped = numbered(1, { id: S, badge: "stopped", state: "stopped", pos: 50, seq: 20 });
    const done = after([{ is: "frames", frames: [aFrame(stopped, "k")] }], state);
    expect(intentOf(done.pending, S)).toBeNull();
    expect(done.list.sessions.get(S)?.badge).toBe("stopped");
  });

  it("whose event comes before the object stays seen until that is as new, and never flickers", () => {
    const asked = after(
      [command("k", { kind: "archive", archived: true })],
      open({ archived: false, seq: 0 }),
    );
    const seen = (state: State) => {
      const confirmed = state.list.sessions.get(S);
      return confirmed && withPending(confirmed, state.pending).archived;
    };
    expect(seen(asked)).toBe(true);
    const last = asked.logs.get(S)?.last ?? 0;
    const told = { ...teller(S, last + 1)({ type: "session_archived" }), command: "k" };
    const event = after([{ is: "events", session: S, events: [told] }], asked);
    expect(event.logs.get(S)?.last).toBe(last + 1);
    expect(event.list.sessions.get(S)?.archived).toBe(false);
    expect(seen(event)).toBe(true);
    const object = numbered(1, { id: S, archived: true, pos: 60, seq: last + 1 });
    const framed = after([{ is: "frames", frames: [aFrame(object)] }], event);
    expect(framed.pending).toEqual([]);
    expect(seen(framed)).toBe(true);
  });

  it("small thing 5: that is made is one row, whichever comes first", () => {
    const create = command("k", { kind: "create", title: "New", agent: "a", cwd: "/repo" }, "new:k");
    const made = numbered(2, { pos: 90, title: "New" });
    const frame: Input = { is: "frames", frames: [aFrame(made, "k")] };
    for (const steps of [[reply("k", made), frame], [frame, reply("k", made)], [frame], [reply("k", made)]]) {
      let state = after([create], nothing);
      const rows = () => newHome()(state, all).groups.flatMap((group) => group.rows);
      expect(rows().map((row) => row.is)).toEqual(["creating"]);
      for (const step of steps) {
        state = after([step], state);
        expect(rows().map((row) => row.is)).toEqual(["session"]);
      }
      expect(state.pending).toEqual([]);
    }
    const gone = after([create, refused("k")], nothing);
    expect(newHome()(gone, all).groups).toEqual([]);
    expect(gone.refusals).toHaveLength(1);
  });

  it("that was deleted is not raised by what comes late", () => {
    const state = open();
    const session = state.list.sessions.get(S);
    if (!session) throw new Error("no session");
    const asked = after([command("k", { kind: "delete" }), reply("k")], state);
    expect(intentOf(asked.pending, S)).toBe("delete");
    const gone = after([{ is: "frames", frames: [deleted(S, 100, "k")] }], asked);
    expect(gone.pending).toEqual([]);
    const late: Input[] = [
      { is: "sessions", items: [session], view: "full", pos: null, epoch: 1 },
      { is: "frames", frames: [aFrame({ ...session, pos: 99 })] },
      reply("other", { ...session, pos: 98 }),
    ];
    for (const input of late) expect(after([input], gone).list.sessions.has(S)).toBe(false);
    // A name is not used twice, but if a server did: what is newer than the grave lives.
    const again: Input = { is: "frames", frames: [aFrame({ ...session, pos: 101 })] };
    expect(after([again], gone).list.sessions.has(S)).toBe(true);
  });
});

describe("the list", () => {
  const sessions = (state: State) => shownState(state).sessions;

  it("is the same in whatever order frames, pages and replies came", () => {
    const pages: Input[] = [
      { is: "sessions", items: [realRun.session ?? aSession()], view: "full", pos: 0, epoch: 1 },
    ];
    const replies: Input[] = realReplies.map(({ key, session }) => reply(key, session));
    const expected = sessions(after([{ is: "frames", frames: realFrames }]));
    for (const seed of seeds(200)) {
      const by = random(seed);
      const inputs: Input[] = [
        ...chunks(realFrames, by, 4).map((frames): Input => ({ is: "frames", frames })),
        ...replies,
        ...pages,
      ].sort(() => by.next() - 0.5);
      const state = after(inputs);
      expect(sessions(state), `seed ${seed}`).toEqual(expected);
      // All of it once more changes nothing.
      expect(after(inputs, state).list).toEqual(state.list);
    }
  });

  it("does not let a row hide what is known in full, and takes the full one at equal age", () => {
    const full = numbered(1, { pos: 5, result: "whole" });
    const row = numbered(1, { pos: 5, result: null });
    const page = (items: Session[], view: "row" | "full"): Input => ({
      is: "sessions",
      items,
      view,
      pos: 5,
      epoch: 1,
    });
    for (const inputs of [
      [page([row], "row"), page([full], "full")],
      [page([full], "full"), page([row], "row")],
    ]) {
      const { list } = after(inputs);
      expect(list.sessions.get(full.id)?.result).toBe("whole");
      expect(list.partial.has(full.id)).toBe(false);
    }
  });

  it("keeps the newer thread, and none that was deleted", () => {
    const thread = (pos: number, title: string) => ({ ...aThread, pos, title });
    const frame = (pos: number): ListFrame => ({
      type: "thread:updated",
      pos,
      at: "",
      data: thread(pos, "new"),
    });
    const page: Input = { is: "threads", items: [thread(4, "old")] };
    expect(after([{ is: "frames", frames: [frame(5)] }, page]).list.threads.get("thr_1")?.title).toBe("new");
    const gone: ListFrame = { type: "thread:deleted", pos: 6, at: "", data: { id: "thr_1" } };
    expect(after([{ is: "frames", frames: [frame(5), gone] }, page]).list.threads.size).toBe(0);
  });

  it("passes over frames of a newer server, and counts them", () => {
    const frame = { type: "moon:risen", pos: 7, at: "", data: {} } as unknown as ListFrame;
    expect(after([{ is: "frames", frames: [frame] }]).list.pos).toBe(7);
  });
});

describe("another log", () => {
  it("is begun anew, with what is on its way", () => {
    const state = after(
      [command("k", { kind: "rename", title: "Other" })],
      open({}, aLog({ session: S, turns: 1, length: 20 })),
    );
    const { state: next, asks } = fold(state, { is: "hello", epoch: 2, version: "2" });
    expect(next.list.sessions.size).toBe(0);
    expect(next.pending).toHaveLength(1);
    expect(asks.map((ask) => ask.ask)).toEqual(["load_list", "load_session", "load_events"]);
    // A page of the server that is gone comes late.
    const late: Input = { is: "sessions", items: [numbered(1)], view: "full", pos: 9, epoch: 1 };
    expect(after([{ is: "link", link: live }, late], next).list.sessions.size).toBe(0);
  });

  it("replaces a browser's own copy of an older one", () => {
    const copy: Input = { is: "sessions", items: [numbered(1)], view: "row", pos: 9, epoch: 1 };
    const page: Input = { is: "sessions", items: [numbered(2)], view: "row", pos: 3, epoch: 2 };
    const state = after([copy, page]);
    expect([...state.list.sessions.keys()]).toEqual([numbered(2).id]);
    expect(state.list.pos).toBe(3);
  });

  it("resets one topic and keeps its commands", () => {
    const log = aLog({ session: S, turns: 1, length: 20 });
    const state = after([command("k", { kind: "prompt", content: aText("x") })], open({}, log));
    const { state: next, asks } = fold(state, { is: "reset", topic: S });
    expect(next.logs.get(S)?.last).toBe(0);
    expect(next.pending).toHaveLength(1);
    expect(asks).toContainEqual({ ask: "subscribe", topic: S, after: 0 });
    expect(fold(state, { is: "reset", topic: "list" }).asks).toEqual([{ ask: "load_list" }]);
  });
});

it("leaves what is not concerned the same objects", () => {
  const state = open({}, aLog({ session: S, turns: 2, length: 20 }));
  const other = after([{ is: "frames", frames: [aFrame(numbered(2, { pos: 500 }))] }], state);
  expect(other.logs).toBe(state.logs);
  expect(other.pending).toBe(state.pending);
  expect(other.list.sessions.get(S)).toBe(state.list.sessions.get(S));
  const seen = after([{ is: "seen", session: S, seq: 5 }], state);
  expect(seen.list).toBe(state.list);
  expect(after([{ is: "seen", session: S, seq: 4 }], seen)).toBe(seen);
});

function turnObject(id: string): Session["turn"] {
  return {
    id,
    number: 1,
    source: "user",
    started_at: "2027-01-15T08:00:00Z",
    handed_over_at: null,
    cancelled_by: null,
    active_at: null,
  };
}

const aThread = {
  id: "thr_1",
  title: "",
  topic: "",
  labels: {},
  archived: false,
  badge: null,
  state: null,
  namespace: "default",
  owner: "ada",
  sessions: [],
  pos: 0,
  created_at: "",
  updated_at: "",
};
