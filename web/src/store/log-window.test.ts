/** A long log as a window: opened anywhere, read up and down, and never larger than it may be. */
import { describe, expect, it } from "vitest";
import { aLog, aSession } from "../../test/build";
import { random, seeds } from "../../test/random";
import { answered, happen, newServer, run, sessionNow, type FakeServer } from "../../test/server";
import { shownLog, shownTranscript } from "../../test/shown";
import { fold, foldAll, type Input } from "./fold";
import { FIRST_PAGE, HELD_MAX, ITEMS_MAX, type Log } from "./log";
import { nothing, type State } from "./state";
import { extend, noTranscript } from "./transcript";
import type { Event } from "./types";

const whole = (events: readonly Event[]) => shownTranscript(extend(noTranscript, events));
const live = { is: "live", since: 0, over: "socket", caught_up: 0 } as const;

function logOf(state: State, server: FakeServer): Log {
  const log = state.logs.get(server.session.id);
  if (!log) throw new Error("the log is not open");
  return log;
}

/** Everything that is always true of a log. */
function check(log: Log): void {
  expect(log.events.length).toBeLessThanOrEqual(HELD_MAX);
  expect(log.transcript.items.length).toBeLessThanOrEqual(ITEMS_MAX);
  if (log.events.length > 0) {
    expect(log.events[0]?.seq).toBe(log.first);
    expect(log.events.at(-1)?.seq).toBe(log.last);
    expect(log.last - log.first + 1).toBe(log.events.length);
  }
}

describe.each([
  ["with pages that begin anywhere", false],
  ["with pages that begin with a turn", true],
])("a long session %s", (_, snap) => {
  const events = aLog({ turns: 200, length: 150 });
  const session = aSession({ id: "ses_1" });
  const open = (server: FakeServer, at: number | null = null) =>
    run(nothing, server, [
      { is: "hello", epoch: 1, version: "1" },
      { is: "sessions", items: [sessionNow(server)], view: "row", pos: 0, epoch: 1 },
      { is: "opened", session: session.id, at },
      { is: "link", link: live },
    ]);

  it("opens with its last turns and with the prompt of the first of them", () => {
    const server = newServer(events, session, events.length, snap);
    const log = logOf(open(server), server);
    if (!snap) expect(log.events).toHaveLength(FIRST_PAGE);
    else expect(log.events[0]?.type).toBe("turn_queued");
    expect(log).toMatchObject({ is: "ready", live: true, caught_up: true, last: events.length });
    const turns = new Set(log.transcript.items.flatMap((item) => (item.turn ? [item.turn] : [])));
    const prompts = log.transcript.items.filter((item) => item.kind === "prompt").map((item) => item.turn);
    // The turn that began before the window has its prompt, too, and so has the one that waits.
    expect(new Set(prompts)).toEqual(turns);
    expect(log.transcript.queue).toHaveLength(1);
  });

  it("does not hold more than it may, however far somebody reads up, and comes back to the end", () => {
    const server = newServer(events, session, events.length - 500, snap);
    let state = open(server);
    let least = Number.POSITIVE_INFINITY;
    while (logOf(state, server).first > 1) {
      state = run(state, server, [{ is: "reader", session: session.id, seq: logOf(state, server).first }]);
      state = run(state, server, [{ is: "older", session: session.id }]);
      state = run(state, server, happen(server, 3));
      check(logOf(state, server));
      expect(logOf(state, server).first).toBeLessThan(least);
      least = logOf(state, server).first;
    }
    expect(logOf(state, server).live).toBe(false);
    expect(server.subscribed.has(session.id)).toBe(false);
    // A window in the middle says what it says from its start, whatever was let go behind it.
    const { transcript, events: held } = logOf(state, server);
    expect(shownTranscript(transcript)).toEqual(whole(held));
    for (let steps = 0; !logOf(state, server).live; steps += 1) {
      expect(steps).toBeLessThan(200);
      state = run(state, server, [{ is: "newer", session: session.id }, ...happen(server, 2)]);
      check(logOf(state, server));
    }
    state = run(state, server, happen(server, 10_000));
    const end = logOf(state, server);
    expect(end.last).toBe(events.length);
    expect(server.subscribed.has(session.id)).toBe(true);
    expect(end.transcript.items.at(-1)).toEqual(whole(events).items.at(-1));
  });

  it("lets the old go while it is live, at the start of a turn, and forgets nothing that still matters", () => {
    const server = newServer(events, session, 200, snap);
    let state = open(server);
    const by = random(3);
    while (server.head < events.length) {
      state = run(state, server, happen(server, 1 + by.below(400)));
      check(logOf(state, server));
    }
    const log = logOf(state, server);
    expect(shownTranscript(log.transcript)).toEqual(shownTranscript(extend(log.base, log.events)));
    expect(log.first).toBeGreaterThan(1);
    expect(log.events[0]?.type).toBe("turn_started");
    const all = whole(events);
    expect(log.transcript.queue).toEqual(all.queue);
    const tail = all.items.slice(-50);
    expect(log.transcript.items.slice(-50)).toEqual(tail);
    const [head] = log.transcript.items;
    expect(head).toMatchObject({ kind: "prompt", turn: log.events[0]?.turn });
  });

  it("lets the end go instead while somebody reads at the other side", () => {
    const server = newServer(events, session, 200, snap);
    let state = open(server);
    state = run(state, server, [{ is: "reader", session: session.id, seq: 50 }]);
    while (logOf(state, server).live && server.head < events.length) {
      state = run(state, server, happen(server, 400));
    }
    expect(logOf(state, server)).toMatchObject({ live: false, first: 1 });
    state = run(state, server, [{ is: "latest", session: session.id }, ...happen(server, 100_000)]);
    expect(logOf(state, server)).toMatchObject({ live: true, last: events.length, reader: null });
  });

  it("opens around the event of a link, and is live if that is near the end", () => {
    for (const seq of [1, 4000, events.length - 400, events.length - 20, events.length]) {
      const server = newServer(events, session, events.length, snap);
      const log = logOf(open(server, seq), server);
      expect(log.first).toBeLessThanOrEqual(seq);
      expect(log.last).toBeGreaterThanOrEqual(seq);
      expect(log.live, `at ${seq}`).toBe(log.last === events.length);
      expect(log.around).toBe(seq);
      const turn = log.transcript.items.find((item) => item.turn !== null)?.turn;
      expect(log.transcript.places.has(`prompt:${turn}`)).toBe(true);
    }
  });

  it("goes to another place and drops the page that is not wanted any more", () => {
    const server = newServer(events, session, events.length, snap);
    const state = open(server);
    const asked = foldAll(state, [
      { is: "older", session: session.id },
      { is: "around", session: session.id, seq: 700 },
    ]);
    const [older, around] = asked.asks.map((ask) => answered(server, ask));
    const end = run(asked.state, server, [...(around ?? []), ...(older ?? [])]);
    expect(logOf(end, server)).toMatchObject({ live: false, loading: "nothing" });
    expect(logOf(end, server).first).toBeLessThanOrEqual(700);
    expect(logOf(end, server).last).toBeLessThan(1000);
    const other = run(asked.state, server, [...(older ?? []), ...(around ?? [])]);
    expect(shownLog(logOf(other, server))).toEqual(shownLog(logOf(end, server)));
  });

  it("does not take a page for another one, not even where the end is not known", () => {
    const server = newServer(events, session, events.length, snap);
    const asked = foldAll(nothing, [
      { is: "opened", session: session.id },
      { is: "around", session: session.id, seq: events.length + 100 },
    ]);
    const of = { before: 600, after: null, limit: 500 };
    const late = fold(asked.state, { is: "page", session: session.id, events: events.slice(99, 599), of });
    expect(logOf(late.state, server).is).toBe("asked");
    const around = asked.asks.filter((ask) => ask.ask === "load_events").at(-1);
    const end = run(late.state, server, around ? answered(server, around) : []);
    expect(logOf(end, server)).toMatchObject({ live: true, last: events.length });
  });

  it("does not ask for anything when the place is held", () => {
    const server = newServer(events, session, events.length, snap);
    const state = open(server);
    const folded = fold(state, { is: "around", session: session.id, seq: events.length - 5 });
    expect(folded.asks).toEqual([]);
  });

  it("asks again for a page that failed once the server is heard again", () => {
    const server = newServer(events, session, events.length, snap);
    const asked = foldAll(nothing, [
      { is: "sessions", items: [sessionNow(server)], view: "full", pos: 0, epoch: 1 },
      { is: "opened", session: session.id },
      { is: "page_failed", session: session.id, problem: { code: "unreachable" } },
    ]);
    expect(logOf(asked.state, server)).toMatchObject({ loading: "nothing", failed: { code: "unreachable" } });
    const again = fold(asked.state, { is: "link", link: live });
    expect(again.asks).toEqual([expect.objectContaining({ ask: "load_events" })]);
    expect(logOf(again.state, server).failed).toBeNull();
  });
});

it("holds what it says it holds, whatever somebody does", () => {
  const events = aLog({ turns: 150, length: 60, seed: 5 });
  const session = aSession({ id: "ses_1" });
  const { id } = session;
  for (const seed of seeds(12)) {
    const by = random(seed);
    const server = newServer(events, session, 1 + by.below(events.length), by.chance(0.5));
    const open: Input = {
      is: "opened",
      session: id,
      at: by.chance(0.3) ? 1 + by.below(events.length) : null,
    };
    let state = run(nothing, server, [
      { is: "hello", epoch: 1, version: "1" },
      { is: "sessions", items: [sessionNow(server)], view: "full", pos: 0, epoch: 1 },
      { is: "link", link: live },
      open,
    ]);
    for (let step = 0; step < 40; step += 1) {
      const log = logOf(state, server);
      const does = by.pick<() => readonly Input[]>([
        () => [{ is: "older", session: id }],
        () => [{ is: "older", session: id }],
        () => [{ is: "newer", session: id }],
        () => [{ is: "latest", session: id }],
        () => [{ is: "around", session: id, seq: 1 + by.below(server.head) }],
        () => [{ is: "reader", session: id, seq: by.chance(0.5) ? null : log.first + by.below(300) }],
        () => happen(server, by.below(600)),
        () => [{ is: "sessions", items: [sessionNow(server)], view: "full", pos: null, epoch: 1 }],
        () => [
          { is: "page_failed", session: id },
          { is: "older", session: id },
        ],
        () => [{ is: "closed", session: id }, open],
        () => [{ is: "reset", topic: id }],
        // The link breaks, something happens, and it is back.
        () => {
          server.subscribed.clear();
          state = run(state, server, [
            { is: "link", link: { is: "closed" } },
            ...happen(server, by.below(50)),
          ]);
          const { is, live: wasLive, last } = logOf(state, server);
          const again = is === "ready" && wasLive;
          const told = again ? answered(server, { ask: "subscribe", topic: id, after: last }) : [];
          return [...told, { is: "link", link: live }];
        },
      ]);
      state = run(state, server, does());
      const now = logOf(state, server);
      const name = `seed ${seed}, step ${step}`;
      check(now);
      expect(now.loading, name).toBe("nothing");
      expect(now.is, name).toBe("ready");
      expect(shownTranscript(now.transcript), name).toEqual(shownTranscript(extend(now.base, now.events)));
      expect(now.events, name).toEqual(events.slice(now.first - 1, now.last));
      expect(server.subscribed.has(id), name).toBe(now.live);
      if (now.live) expect(now.last, name).toBe(server.head);
    }
  }
});

describe("one endless turn", () => {
  const events = aLog({ turns: 1, length: 30_000, running: true });
  const session = aSession({ id: "ses_1" });

  it("keeps its prompt in sight when its beginning was let go", () => {
    const server = newServer(events, session, 100);
    let state = run(nothing, server, [
      { is: "sessions", items: [sessionNow(server)], view: "full", pos: 0, epoch: 1 },
      { is: "opened", session: session.id },
    ]);
    while (server.head < events.length) state = run(state, server, happen(server, 500));
    const log = logOf(state, server);
    check(log);
    expect(shownTranscript(log.transcript)).toEqual(shownTranscript(extend(log.base, log.events)));
    expect(log.first).toBeGreaterThan(5000);
    expect(log.transcript.items[0]).toMatchObject({ kind: "prompt", state: "started" });
    expect(log.transcript.queue).toHaveLength(1);
  });

  it("has it, and the plan, when it is opened in the middle", () => {
    const server = newServer(events, session);
    const state = run(nothing, server, [
      { is: "sessions", items: [sessionNow(server)], view: "full", pos: 0, epoch: 1 },
      { is: "opened", session: session.id },
    ]);
    const log = logOf(state, server);
    expect(log.transcript.items[0]).toMatchObject({ kind: "prompt", state: "started" });
    expect(log.transcript.plan).toEqual(extend(noTranscript, events).plan);
    expect(log.transcript.queue).toHaveLength(1);
  });
});
