/** The connection on a fake socket: what is asked, followed, dropped and begun anew. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { aFrame, aSession, deleted, numbered, teller } from "../../test/build";
import { aNetwork, json, type Answer, type Network } from "../../test/network";
import type { Session } from "@/store/types";
import { newSync, type Sync } from "./link";

const EPOCH = 1;
const tell = teller("ses_1");
const log = Array.from({ length: 10 }, (_, n) => tell({ type: "turn_started", turn: `trn_${n}`, number: n }));
const one = aSession({ id: "ses_1", pos: 30, seq: 10, badge: "idle", archived: false });

let network: Network;
let sync: Sync;

/** A server with these sessions, whose list is at `pos`. */
function server(sessions: readonly Session[], pos: number): Answer {
  return (url) => {
    const page = { next_cursor: null, pos, epoch: EPOCH };
    switch (url.pathname) {
      case "/v1/sessions":
        return json({ ...page, items: sessions });
      case "/v1/threads":
        return json({ ...page, items: [] });
      case "/v1/status":
        return json({ version: "0.1.0", epoch: EPOCH });
      case "/healthz":
        return json({ status: "ok" });
      case "/v1/sessions/ses_1":
        return json(one);
      default:
        return json({ code: "not_found", status: 404 }, 404);
    }
  };
}

async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

const state = () => sync.store.get();

/** Up to where the list is live. */
async function begin(answer: Answer = server([one], 30)): Promise<void> {
  network = aNetwork(answer);
  sync = newSync((then) => setTimeout(then, 0));
  sync.start();
  await pass(10);
  network.socket().hello();
  await pass(50);
  network.socket().say({ type: "caught_up", topic: "list", after: 30 });
  await pass(20);
}

beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2027, 0, 15, 9) });
  vi.spyOn(Math, "random").mockReturnValue(1);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("the first visit", () => {
  it("asks for the list once, then follows it from there", async () => {
    await begin();
    expect(network.socket().url).toBe("ws://127.0.0.1:4747/v1/ws");
    expect(network.socket().subscribed()).toEqual([
      { op: "subscribe", topic: "list", after: 30, epoch: EPOCH },
    ]);
    expect(state().link).toMatchObject({ is: "live", over: "socket" });
    expect(state().list.sessions.get("ses_1")?.title).toBe(one.title);
    const before = network.fetched.length;
    network.socket().say(aFrame({ ...one, pos: 31, title: "Another" }));
    await pass(20);
    expect(state().list.sessions.get("ses_1")?.title).toBe("Another");
    await pass(15_000);
    expect(network.fetched.length).toBe(before);
  });

  it("asks for what is active first, and for rows only", async () => {
    await begin();
    const lists = network.fetched.filter((line) => line.startsWith("GET /v1/sessions?"));
    expect(lists).toHaveLength(2);
    expect(lists[0]).toContain("state=pending");
    expect(lists.every((line) => line.includes("view=row"))).toBe(true);
  });

  it("follows the list before its last page is in", async () => {
    const answer = server([one], 30);
    let release: () => void = () => undefined;
    await begin((url, request) => {
      if (url.pathname === "/v1/sessions" && url.searchParams.get("archived") === "any") {
        return new Promise((resolve) => {
          release = () => resolve(json({ items: [numbered(2)], next_cursor: null, pos: 40, epoch: EPOCH }));
        });
      }
      return answer(url, request);
    });
    expect(state().link.is).toBe("live");
    expect(state().list.pos).toBe(30);
    release();
    await pass(10);
    expect(state().list.sessions.size).toBe(2);
    // A later page was read later; the stream goes on from the first one.
    expect(state().list.pos).toBe(30);
  });

  it("asks for the list again when it could not be had", async () => {
    let broken = true;
    const answer = server([one], 30);
    network = aNetwork((url, request) =>
      broken && url.pathname === "/v1/sessions"
        ? json({ code: "storage_failed", status: 500 }, 500)
        : answer(url, request),
    );
    sync = newSync((then) => setTimeout(then, 0));
    sync.start();
    await pass(10);
    network.socket().hello();
    await pass(50);
    expect(state().list.pos).toBeNull();
    broken = false;
    await pass(3_000);
    expect(state().list.pos).toBe(30);
    expect(network.socket().subscribed()).toHaveLength(1);
  });
});

describe("an open session", () => {
  async function open(): Promise<void> {
    await begin();
    sync.store.put({ is: "opened", session: "ses_1" });
    await pass(20);
    for (const event of log) network.socket().say({ topic: "ses_1", event });
    network.socket().say({ type: "caught_up", topic: "ses_1", after: 10 });
    await pass(20);
  }

  it("is followed from its start when it is short", async () => {
    await open();
    expect(network.socket().subscribed().at(-1)).toEqual({
      op: "subscribe",
      topic: "ses_1",
      after: 0,
      epoch: EPOCH,
    });
    expect(state().logs.get("ses_1")).toMatchObject({ last: 10, caught_up: true });
  });

  it("asks for what is missing when an event was left out", async () => {
    await open();
    const [eleven, twelve] = [
      tell({ type: "turn_started", turn: "trn_11", number: 11 }),
      tell({ type: "turn_started", turn: "trn_12", number: 12 }),
    ];
    network.socket().say({ topic: "ses_1", event: twelve });
    await pass(20);
    expect(state().logs.get("ses_1")?.last).toBe(10);
    expect(network.socket().subscribed().at(-1)).toMatchObject({ topic: "ses_1", after: 10 });
    network.socket().say({ topic: "ses_1", event: eleven });
    network.socket().say({ topic: "ses_1", event: twelve });
    await pass(20);
    expect(state().logs.get("ses_1")?.last).toBe(12);
  });

  it("goes on from where it was after a break, and so does the list", async () => {
    await open();
    network.socket().say(aFrame({ ...one, pos: 44 }));
    await pass(20);
    network.socket().end();
    expect(state().link).toMatchObject({ is: "waiting", why: "closed_1006" });
    await pass(1_010);
    expect(network.sockets).toHaveLength(2);
    const fetched = network.fetched.length;
    network.socket().hello();
    await pass(20);
    expect(network.socket().subscribed()).toEqual([
      { op: "subscribe", topic: "list", after: 44, epoch: EPOCH },
      { op: "subscribe", topic: "ses_1", after: 10, epoch: EPOCH },
    ]);
    expect(network.fetched.length).toBe(fetched);
    // It is live when both are caught up, and says how much that was.
    network.socket().say(aFrame({ ...one, pos: 45 }));
    network.socket().say({ type: "caught_up", topic: "list", after: 45 });
    await pass(20);
    expect(state().link.is).toBe("catching_up");
    network
      .socket()
      .say({ topic: "ses_1", event: tell({ type: "turn_started", turn: "trn_x", number: 13 }) });
    network.socket().say({ type: "caught_up", topic: "ses_1", after: 11 });
    await pass(20);
    expect(state().link).toMatchObject({ is: "live", caught_up: 2 });
  });

  it("is not waited for when it is gone", async () => {
    await open();
    network.socket().end();
    await pass(1_010);
    network.socket().hello();
    await pass(20);
    network.socket().say({ type: "caught_up", topic: "list", after: 45 });
    network
      .socket()
      .say({ type: "problem", topic: "ses_1", problem: { code: "session_not_found", status: 404 } });
    await pass(20);
    expect(state().link.is).toBe("live");
    expect(state().logs.get("ses_1")?.failed?.code).toBe("session_not_found");
  });

  it("is asked for anew when its cursor is of another log", async () => {
    await open();
    network
      .socket()
      .say({ type: "problem", topic: "ses_1", problem: { code: "cursor_too_old", status: 410 } });
    await pass(20);
    expect(state().logs.get("ses_1")?.last).toBe(0);
    expect(network.socket().subscribed().at(-1)).toMatchObject({ topic: "ses_1", after: 0 });
  });
});

describe("another log", () => {
  it("is begun with at hello: nothing of the old one stays", async () => {
    await begin();
    network.socket().end();
    await pass(1_010);
    network.answer = (url) => {
      const page = { next_cursor: null, pos: 3, epoch: 2 };
      if (url.pathname === "/v1/sessions") return json({ ...page, items: [numbered(3)] });
      if (url.pathname === "/v1/threads") return json({ ...page, items: [] });
      return json({ code: "not_found", status: 404 }, 404);
    };
    network.socket().hello(2);
    await pass(50);
    expect([...state().list.sessions.values()].map(({ pos }) => pos)).toEqual([3]);
    expect(network.socket().subscribed().at(-1)).toEqual({
      op: "subscribe",
      topic: "list",
      after: 3,
      epoch: 2,
    });
  });

  it("is asked for when the list's cursor is too old", async () => {
    await begin();
    network.answer = server([numbered(5)], 7);
    network
      .socket()
      .say({ type: "problem", topic: "list", problem: { code: "cursor_too_old", status: 410 } });
    await pass(50);
    expect([...state().list.sessions.keys()]).toEqual([numbered(5).id]);
    expect(network.socket().subscribed().at(-1)).toMatchObject({ topic: "list", after: 7 });
  });
});

describe("what is heard", () => {
  it.each([
    "{",
    "[]",
    '{"pos":3}',
    '{"topic":"ses_1","event":{"seq":"3"}}',
    '{"type":"session:new","pos":"4"}',
  ])("ends the connection when it is no message: %s", async (text) => {
    await begin();
    network.socket().say(text);
    await pass(0);
    expect(network.sockets[0]?.readyState).toBe(3);
    expect(state().link).toMatchObject({ is: "waiting", why: "bad_frame" });
    expect(sync.breaks().at(-1)).toMatchObject({ why: "bad_frame", detail: text });
    expect(sync.recent().at(-1)).toBe(text);
    await pass(2_000);
    expect(network.sockets).toHaveLength(2);
  });

  it("may be of a newer server: a frame's place counts, the rest is let be", async () => {
    await begin();
    network.socket().say({ type: "weather", sunny: true });
    network.socket().say({ type: "session:painted", pos: 35, at: "2027-01-15T09:00:00Z", data: {} });
    await pass(20);
    expect(state().link.is).toBe("live");
    expect(state().list.pos).toBe(35);
  });

  it("keeps the last twenty messages", async () => {
    await begin();
    for (let n = 0; n < 30; n++) network.socket().say({ type: "pong", n });
    expect(sync.recent()).toHaveLength(20);
    expect(sync.recent().at(-1)).toContain('"n":29');
  });

  it("of a connection that was let go of is nothing", async () => {
    await begin();
    const first = network.socket();
    first.end();
    await pass(1_010);
    first.say(deleted("ses_1", 99));
    first.end();
    await pass(20);
    expect(state().list.sessions.has("ses_1")).toBe(true);
    expect(state().link.is).toBe("connecting");
  });
});

describe("the end of a connection", () => {
  it("by a token that has ended stops everything until somebody signs in", async () => {
    await begin();
    network.socket().end(1008, "unauthorized: the token has ended");
    await pass(100_000);
    expect(state().link).toMatchObject({ is: "refused", problem: { code: "token_invalid" } });
    expect(network.sockets).toHaveLength(1);
    sync.start();
    await pass(10);
    expect(network.sockets).toHaveLength(2);
  });

  it("by an upgrade that was refused is looked into: without a sign-in it is refused", async () => {
    network = aNetwork(() => json({ code: "auth_required", status: 401 }, 401));
    sync = newSync((then) => setTimeout(then, 0));
    sync.start();
    await pass(10);
    network.socket().end();
    await pass(10);
    expect(state().link).toMatchObject({ is: "refused", problem: { code: "auth_required" } });
  });

  it("of a slow reader is followed by a dial at once", async () => {
    await begin();
    network.socket().end(1013, "lagged");
    await pass(1);
    expect(network.sockets).toHaveLength(2);
  });

  it("is not believed over a connection that was dialed meanwhile", async () => {
    let answer: (response: Response) => void = () => undefined;
    network = aNetwork((url) =>
      url.pathname === "/v1/status"
        ? new Promise((resolve) => (answer = resolve))
        : server([one], 30)(url, new Request(url)),
    );
    sync = newSync((then) => setTimeout(then, 0));
    sync.start();
    await pass(10);
    network.socket().end();
    await pass(10);
    sync.start();
    await pass(10);
    network.socket().hello();
    await pass(20);
    answer(json({ code: "auth_required", status: 401 }, 401));
    await pass(10);
    expect(state().link.is).toBe("catching_up");
  });

  it("comes after 30 s of silence, with a ping before", async () => {
    await begin();
    await pass(20_500);
    expect(network.socket().sent.at(-1)).toEqual({ op: "ping" });
    network.socket().say({ type: "pong" });
    await pass(20_500);
    expect(network.sockets).toHaveLength(1);
    await pass(10_000);
    expect(network.sockets).toHaveLength(2);
  });

  it("wakes at once when the clock jumps", async () => {
    await begin();
    vi.setSystemTime(Date.now() + 3_600_000);
    await pass(1_100);
    expect(network.sockets).toHaveLength(2);
  });
});
