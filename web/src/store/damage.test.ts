import { describe, expect, it } from "vitest";
import { aFrame, aLog, aSession } from "../../test/build";
import { answered, newServer, run, sessionNow, type FakeServer } from "../../test/server";
import { LOST, withLost } from "./damage";
import { fold, foldAll, type Input } from "./fold";
import { nothing, type State } from "./state";
import type { Event, Session } from "./types";

const S = "ses_1";
const link: Input = { is: "link", link: { is: "live", since: 0, over: "socket", caught_up: 0 } };
const failure = { kind: "unknown_failure", summary: "its log is damaged", code: "session_damaged" } as const;

function open(server: FakeServer, session: Session): State {
  return run(nothing, server, [
    { is: "hello", epoch: 1, version: "1" },
    { is: "sessions", items: [session], view: "full", pos: 0, epoch: 1 },
    { is: "opened", session: S },
    link,
  ]);
}

const without = (events: readonly Event[], from: number, to: number) =>
  events.filter(({ seq }) => seq < from || seq > to);
const gaps = (events: readonly Event[]) =>
  events.some((event, at) => event.seq !== (events[0]?.seq ?? 0) + at);

describe("a log that is damaged", () => {
  const events = aLog({ session: S, turns: 3, length: 30 });
  const session = aSession({ id: S, failure });

  it("is read page by page and not followed: a stream would break where it is broken", () => {
    const server = newServer(events, session);
    const state = open(server, { ...sessionNow(server), failure });
    expect(server.asked.map(({ ask }) => ask)).toContain("load_events");
    expect(server.asked.filter(({ ask }) => ask === "subscribe")).toEqual([]);
    expect(state.logs.get(S)?.last).toBe(events.length);
  });

  it("is read anew and followed when it is repaired", () => {
    const server = newServer(events, session);
    const state = open(server, { ...sessionNow(server), failure });
    server.asked.length = 0;
    const mended = { ...sessionNow(server), failure: null, pos: 10_000 };
    const next = run(state, server, [{ is: "frames", frames: [aFrame(mended)] }]);
    expect(server.asked.map(({ ask }) => ask)).toContain("subscribe");
    expect(next.logs.get(S)).toMatchObject({ is: "ready", live: true, last: events.length });
  });
});

describe("a log of which events are lost", () => {
  it.each([20, 400])("is read past the hole, which is told once: %i events a turn", (length) => {
    const whole = aLog({ session: S, turns: 4, length });
    const [from, to] = [length + 5, length + 9];
    const server = newServer(without(whole, from, to), aSession({ id: S, seq: whole.length }));
    let state = open(server, { ...sessionNow(server), failure: null });
    while ((state.logs.get(S)?.first ?? 1) > 1) state = run(state, server, [{ is: "older", session: S }]);
    const log = state.logs.get(S);
    expect(log).toMatchObject({ live: true, first: 1, last: whole.length });
    expect(gaps(log?.events ?? [])).toBe(false);
    const told = log?.transcript.items.filter((item) => item.kind === "unknown");
    expect(told).toMatchObject([{ seq: from, event: { type: LOST, from, to } }]);
  });

  it("is not asked for again and again when its beginning is lost", () => {
    const whole = aLog({ session: S, turns: 3, length: 300 });
    const server = newServer(without(whole, 1, 40), aSession({ id: S, seq: whole.length }));
    let state = open(server, { ...sessionNow(server), failure: null });
    for (let page = 0; page < 5; page += 1) state = run(state, server, [{ is: "older", session: S }]);
    expect(state.logs.get(S)?.first).toBe(1);
  });

  it("goes on being followed after the hole", () => {
    const whole = aLog({ session: S, turns: 4, length: 20 });
    const server = newServer(without(whole, 25, 29), aSession({ id: S, seq: whole.length }));
    const state = open(server, { ...sessionNow(server), failure: null });
    const asks = server.asked.filter((ask) => ask.ask === "subscribe" && ask.topic === S);
    expect(asks.at(-1)).toMatchObject({ after: whole.length });
    expect(state.logs.get(S)?.loading).toBe("nothing");
  });

  it("that still comes is not taken for lost", () => {
    const whole = aLog({ session: S, turns: 2, length: 20 });
    const server = newServer(whole, aSession({ id: S, seq: whole.length }), 10);
    let state = open(server, { ...sessionNow(server), failure: null });
    const late = fold(state, { is: "events", session: S, events: whole.slice(15, 20) });
    expect(late.asks).toEqual([{ ask: "subscribe", topic: S, after: 10 }]);
    server.head = 20;
    const inputs = late.asks.flatMap((ask) => answered(server, ask));
    state = foldAll(late.state, inputs).state;
    expect(state.logs.get(S)).toMatchObject({ live: true, last: 20, loading: "nothing" });
    expect(state.logs.get(S)?.events.map(({ type }) => type as string)).not.toContain(LOST);
  });
});

it("leaves a page without holes the same list", () => {
  const events = aLog({ session: S, turns: 1, length: 10 });
  expect(withLost(S, events, null, null)).toBe(events);
  expect(withLost(S, events, 1, events.length)).toBe(events);
  expect(withLost(S, [], null, null)).toEqual([]);
});
