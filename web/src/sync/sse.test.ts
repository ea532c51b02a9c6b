/** The same state over streams, where sockets are blocked. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { aFrame, aSession, teller } from "../../test/build";
import { aNetwork, aStream, json, type Network } from "../../test/network";
import { newSync, type Sync } from "./link";

const one = aSession({ id: "ses_1", pos: 30, seq: 0, archived: false });
const two = aSession({ id: "ses_2", pos: 29, seq: 0, archived: false });
const all = [one, two, { ...two, id: "ses_3", pos: 28 }, { ...two, id: "ses_4", pos: 27 }];
type Stream = ReturnType<typeof aStream>;

let network: Network;
let sync: Sync;
/** The streams that were opened, by their path. */
let streams: Map<string, Stream[]>;
let refuse: { readonly path: string; readonly status: number; readonly code: string } | null;
let unauthorized: boolean;

const state = () => sync.store.get();
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const last = (path: string) => {
  const stream = streams.get(path)?.at(-1);
  if (!stream) throw new Error(`no stream of ${path}`);
  return stream;
};
const say = (path: string, data: unknown) => last(path).say(`id: 1\ndata: ${JSON.stringify(data)}\n\n`);
const opened = () => network.fetched.filter((line) => /\/events\?after/.test(line));

beforeEach(async () => {
  vi.useFakeTimers({ now: Date.UTC(2027, 0, 15, 9) });
  vi.spyOn(Math, "random").mockReturnValue(1);
  streams = new Map();
  refuse = null;
  unauthorized = false;
  network = aNetwork((url, request) => {
    if (unauthorized) return json({ code: "token_invalid", status: 401 }, 401);
    if (request.headers.get("accept") === "text/event-stream") {
      if (refuse?.path === url.pathname)
        return json({ code: refuse.code, status: refuse.status }, refuse.status);
      const stream = aStream();
      streams.set(url.pathname, [...(streams.get(url.pathname) ?? []), stream]);
      return stream.response;
    }
    const page = { next_cursor: null, pos: 30, epoch: 1 };
    if (url.pathname === "/v1/sessions") return json({ ...page, items: all });
    if (url.pathname === "/v1/threads") return json({ ...page, items: [] });
    if (url.pathname === "/v1/status") return json({ version: "0.1.0", epoch: 1 });
    if (url.pathname === "/healthz") return json({ status: "ok" });
    return json(all.find(({ id }) => url.pathname.endsWith(id)) ?? one);
  });
  sync = newSync((then) => setTimeout(then, 0));
  sync.start();
  await pass(10);
  // A proxy refuses two upgrades.
  network.socket().end();
  await pass(1_010);
  network.socket().end();
  await pass(100);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("streams instead of a socket", () => {
  it("are live on the same state, after one look at the status", () => {
    expect(state().link).toMatchObject({ is: "live", over: "sse" });
    expect(state()).toMatchObject({ version: "0.1.0", epoch: 1 });
    expect(opened()).toEqual(["GET /v1/events?after=30&epoch=1"]);
  });

  it("tell of the list, in whatever pieces", async () => {
    const text = `: hello\n\nid: 31\r\ndata: ${JSON.stringify(aFrame({ ...one, pos: 31, title: "Grüße" }))}\r\n\r\n`;
    const bytes = new TextEncoder().encode(text);
    for (const byte of bytes) last("/v1/events").say(new TextDecoder("latin1").decode(Uint8Array.of(byte)));
    await pass(50);
    // Bytes above 127 were sent one by one and doubled by the encoder: only whole text is the same.
    expect(state().list.pos).toBe(31);
    say("/v1/events", aFrame({ ...one, pos: 32, title: "Grüße" }));
    await pass(50);
    expect(state().list.sessions.get("ses_1")?.title).toBe("Grüße");
  });

  it("follow a few sessions side by side, and of more the last ones in view", async () => {
    const tell = teller("ses_1");
    sync.store.put({ is: "opened", session: "ses_1" });
    await pass(50);
    say("/v1/sessions/ses_1/events", tell({ type: "turn_started", turn: "trn_1", number: 1 }));
    await pass(50);
    expect(state().logs.get("ses_1")?.last).toBe(1);
    sync.store.put({ is: "opened", session: "ses_2" });
    await pass(50);
    expect(opened()).toHaveLength(3);
    say("/v1/sessions/ses_1/events", tell({ type: "turn_cancel_requested", turn: "trn_1", by: "ada" }));
    await pass(50);
    expect(state().logs.get("ses_1")?.last).toBe(2);
    sync.look("ses_1");
    await pass(50);
    expect(opened()).toHaveLength(3);
    for (const other of ["ses_3", "ses_4"]) {
      sync.store.put({ is: "opened", session: other });
      await pass(50);
    }
    sync.look("ses_4");
    await pass(50);
    // Nothing of the first one is heard until somebody looks at it again; then it goes on from where it was.
    sync.look("ses_1");
    await pass(50);
    expect(opened().at(-1)).toBe("GET /v1/sessions/ses_1/events?after=2&epoch=1");
    expect(state().link.is).toBe("live");
  });

  it("are alive while the server says so, and dead after 30 s without a word", async () => {
    for (let n = 0; n < 10; n++) {
      await pass(15_000);
      last("/v1/events").say(":\n\n");
    }
    await pass(100);
    expect(state().link.is).toBe("live");
    expect(opened()).toHaveLength(1);
    await pass(31_000);
    expect(opened().length + network.sockets.length).toBeGreaterThan(3);
  });

  it("are dialed again by our clock alone when they end, the socket first", async () => {
    await pass(6_000);
    last("/v1/events").end();
    await pass(10);
    expect(state().link).toMatchObject({ is: "waiting", why: "stream" });
    expect(network.sockets).toHaveLength(2);
    await pass(2_010);
    expect(network.sockets).toHaveLength(3);
    network.socket().end();
    await pass(100);
    expect(state().link).toMatchObject({ is: "live", over: "sse" });
    expect(opened()).toHaveLength(2);
  });

  it("begin anew when a cursor is too old", async () => {
    await pass(6_000);
    refuse = { path: "/v1/events", status: 410, code: "cursor_too_old" };
    last("/v1/events").end();
    await pass(2_010);
    network.socket().end();
    await pass(5);
    refuse = null;
    await pass(2_000);
    expect(network.fetched.filter((line) => line.startsWith("GET /v1/threads"))).toHaveLength(2);
    expect(state().link.is).toBe("live");
  });

  it("tell that a session is gone, and stay", async () => {
    refuse = { path: "/v1/sessions/ses_1/events", status: 404, code: "session_not_found" };
    sync.store.put({ is: "opened", session: "ses_1" });
    await pass(50);
    expect(state().logs.get("ses_1")?.failed?.code).toBe("session_not_found");
    expect(state().link.is).toBe("live");
  });

  it.each([401, 403])("stop at %i until somebody signs in", async (status) => {
    refuse = { path: "/v1/sessions/ses_1/events", status, code: "token_invalid" };
    sync.store.put({ is: "opened", session: "ses_1" });
    await pass(50);
    expect(state().link).toMatchObject({ is: "refused", problem: { code: "token_invalid" } });
    const before = network.fetched.length;
    await pass(100_000);
    expect(network.fetched.length).toBe(before);
  });
});
