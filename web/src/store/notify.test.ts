/** Notifications: only of a change, only once, and not of what happened while nobody was connected. */
import { describe, expect, it } from "vitest";
import { aFrame, at, numbered } from "../../test/build";
import { foldAll, type Ask, type Input, type Notice } from "./fold";
import { nothing, type Link, type State } from "./state";
import type { Session } from "./types";

const live: Link = { is: "live", since: 0, over: "socket", caught_up: 0 };
const caughtUp: Input = { is: "caught_up", topic: "list", after: 0 };
const first = numbered(1, { badge: "running", state: "running" });
const frame = (over: Partial<Session>): Input => ({ is: "frames", frames: [aFrame({ ...first, ...over })] });

const page: Input = { is: "sessions", items: [first], view: "full", pos: 1, epoch: 1 };
const begun: readonly Input[] = [
  { is: "hello", epoch: 1, version: "1" },
  page,
  caughtUp,
  { is: "link", link: live },
];

function notified(inputs: readonly Input[], from: State = nothing): { state: State; found: Notice[] } {
  const { state, asks } = foldAll(from, inputs);
  return { state, found: asks.filter((ask): ask is Ask & { ask: "notify" } => ask.ask === "notify") };
}

const asking = (request: string, pos: number): Partial<Session> => ({
  pos,
  badge: "needs-you",
  needs_you_since: at(pos),
  pending_permissions: [
    { request, turn: null, tool_call: { id: "c" }, options: [], asked_at: at(pos), expires_at: null },
  ],
});

const ended = (over: Partial<NonNullable<Session["last_turn"]>>): Session["last_turn"] => ({
  id: "trn_9",
  number: 9,
  stop_reason: "end_turn",
  failure: null,
  ended_at: at(60_000),
  duration_ms: 60_000,
  tools: 0,
  rejected: false,
  ...over,
});

describe("somebody is needed", () => {
  it("is told at once, and once for each thing that is asked", () => {
    const one = notified([
      ...begun,
      frame(asking("prm_1", 10)),
      frame({ ...asking("prm_1", 11), title: "Other" }),
    ]);
    expect(one.found).toEqual([
      { ask: "notify", session: first.id, why: "permission", request: "prm_1", pos: 10 },
    ]);
    expect(notified([frame(asking("prm_2", 12))], one.state).found).toHaveLength(1);
  });

  it("is told of a sign-in and of a question", () => {
    expect(notified([...begun, frame({ pos: 9, badge: "waiting-for-auth" })]).found).toMatchObject([
      { why: "sign_in" },
    ]);
    const question = { request: "elc_1", message: "Which?", params: {}, asked_at: at(9) };
    const asked = frame({ pos: 9, badge: "needs-you", pending_elicitations: [question] });
    expect(notified([...begun, asked]).found).toMatchObject([{ why: "question", request: "elc_1" }]);
  });

  it("is not told while catching up, nor of what this browser told before", () => {
    expect(notified([page, frame(asking("prm_1", 10)), caughtUp]).found).toEqual([]);
    expect(notified([...begun, { is: "notified", pos: 10 }, frame(asking("prm_1", 10))]).found).toEqual([]);
    expect(notified([...begun, { is: "notified", pos: 10 }, frame(asking("prm_1", 11))]).found).toHaveLength(
      1,
    );
  });

  it("is not told again after a reconnection", () => {
    const { state } = notified([...begun, frame(asking("prm_1", 10))]);
    const away: readonly Input[] = [
      { is: "link", link: { is: "waiting", since: 0, retry_at: 1, tries: 1, why: "gone" } },
      { is: "link", link: { is: "catching_up", since: 2 } },
      frame(asking("prm_2", 20)),
      frame(asking("prm_2", 21)),
      caughtUp,
      { is: "link", link: live },
    ];
    const back = notified(away, state);
    expect(back.found).toEqual([]);
    expect(notified([frame(asking("prm_2", 22))], back.state).found).toEqual([]);
    expect(notified([frame(asking("prm_3", 23))], back.state).found).toHaveLength(1);
  });

  it("is not told after two breaks, the second before all was caught up with", () => {
    const { state } = notified([...begun, frame(asking("prm_1", 10))]);
    const gone: Input = { is: "link", link: { is: "waiting", since: 0, retry_at: 1, tries: 1, why: "gone" } };
    const catchingUp: Input = { is: "link", link: { is: "catching_up", since: 2 } };
    const away = [gone, catchingUp, caughtUp, gone, catchingUp, frame(asking("prm_2", 20)), caughtUp];
    const back = notified([...away, { is: "link", link: live }], state);
    expect(back.found).toEqual([]);
    expect(notified([frame(asking("prm_3", 23))], back.state).found).toHaveLength(1);
  });

  it("is not told of what is put away", () => {
    expect(notified([...begun, frame({ ...asking("prm_1", 10), archived: true })]).found).toEqual([]);
  });
});

describe("the end of a turn", () => {
  const idle = { pos: 10, badge: "idle", state: "idle" } as const;

  it("is told if it took long", () => {
    expect(notified([...begun, frame({ ...idle, last_turn: ended({}) })]).found).toMatchObject([
      { why: "finished" },
    ]);
    const short = ended({ duration_ms: 19_999 });
    expect(notified([...begun, frame({ ...idle, last_turn: short })]).found).toEqual([]);
  });

  it("is not told if somebody ended it, or if more waits", () => {
    const cancelled = ended({ stop_reason: "cancelled" });
    expect(notified([...begun, frame({ ...idle, last_turn: cancelled })]).found).toEqual([]);
    expect(notified([...begun, frame({ ...idle, last_turn: ended({}), queue_length: 1 })]).found).toEqual([]);
  });

  it("says that it failed", () => {
    const failed = ended({ stop_reason: "failed" });
    expect(notified([...begun, frame({ ...idle, last_turn: failed })]).found).toMatchObject([
      { why: "failed" },
    ]);
    const crash: Partial<Session> = { pos: 10, badge: "failed", state: "stopped", updated_at: at(90_000) };
    expect(notified([...begun, frame(crash)]).found).toMatchObject([{ why: "failed" }]);
    // Whoever asked a moment ago is still there.
    expect(notified([...begun, frame({ ...crash, updated_at: at(5000) })]).found).toEqual([]);
  });

  it("is a dot until somebody looks, also if it was short", () => {
    const short = frame({ ...idle, seq: 40, last_turn: ended({ duration_ms: 5 }) });
    const { state } = notified([...begun, short]);
    expect(state.finished.get(first.id)).toBe(40);
  });
});
