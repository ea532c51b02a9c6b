/** A command through replies, refusals and broken connections. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { aNetwork, json, type Network } from "../../test/network";
import { aSession } from "../../test/build";
import type { Link } from "@/store/state";
import { newStore, type Store } from "@/sync/store";
import { renameSession } from "./rename-session";
import { sendPrompt } from "./send-prompt";
import { sendQueuedNow } from "./send-queued-now";
import { testAgent } from "./test-agent";

const one = aSession({ id: "ses_1", pos: 30, title: "Old", archived: false, turn: null });
const live: Link = { is: "live", since: 0, over: "socket", caught_up: 0 };
const connecting: Link = { is: "connecting", since: 0, tries: 1 };
const waiting: Link = { is: "waiting", since: 0, retry_at: 0, tries: 1, why: "" };

let network: Network;
let store: Store;
/** The keys that came with each request. */
let keys: (string | null)[];
/** What the next requests get: a status, or no answer at all. */
let answers: (Response | "nothing")[];

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const link = (next: Link) => store.put({ is: "link", link: next });

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(1);
  keys = [];
  answers = [];
  network = aNetwork((_, request) => {
    keys.push(request.headers.get("Idempotency-Key"));
    const next = answers.shift();
    if (next === "nothing") throw new TypeError("Failed to fetch");
    return next ?? json({ ...one, pos: 31, title: "New" });
  });
  store = newStore(
    () => undefined,
    (then) => setTimeout(then, 0),
  );
  store.put({ is: "sessions", items: [one], view: "full", pos: 30, epoch: 1 });
  link(live);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("a command", () => {
  it("is seen at once, and is the session of the reply in the end, without a second request", async () => {
    const outcome = renameSession(store, "ses_1", "New");
    expect(store.get().pending).toMatchObject([{ kind: "rename", title: "New", session: "ses_1" }]);
    expect((await outcome).ok).toBe(true);
    expect(store.get().pending).toEqual([]);
    expect(store.get().list.sessions.get("ses_1")).toMatchObject({ title: "New", pos: 31 });
    expect(network.fetched).toEqual(["PATCH /v1/sessions/ses_1"]);
  });

  it("that is refused is taken back and kept as a refusal", async () => {
    answers = [json({ code: "wrong_state", status: 409, detail: "no" }, 409)];
    expect(await renameSession(store, "ses_1", "New")).toEqual({
      ok: false,
      problem: { code: "wrong_state", status: 409, detail: "no" },
    });
    expect(store.get().pending).toEqual([]);
    expect(store.get().refusals).toMatchObject([
      { problem: { code: "wrong_state" }, command: { kind: "rename" } },
    ]);
    expect(store.get().list.sessions.get("ses_1")?.title).toBe("Old");
  });

  it("that failed for a cause of its own is not tried again, whatever its status", async () => {
    answers = [json({ code: "agent_start_failed", status: 502 }, 502)];
    expect(await testAgent(store, "codex")).toMatchObject({
      ok: false,
      problem: { code: "agent_start_failed" },
    });
    expect(keys).toHaveLength(1);
  });

  it("in flight when the connection broke is sent again with the same key when it is back", async () => {
    answers = ["nothing"];
    const outcome = sendPrompt(store, "ses_1", "Hello");
    await pass(10);
    link(waiting);
    await pass(60_000);
    expect(keys).toHaveLength(1);
    expect(store.get().pending).toHaveLength(1);
    link(connecting);
    link(live);
    await pass(10);
    expect((await outcome).ok).toBe(true);
    expect(keys).toHaveLength(2);
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(keys[1]).toBe(keys[0]);
  });

  it("is sent again also if the connection was back before the answer failed", async () => {
    let fail: (error: unknown) => void = () => undefined;
    const answer = network.answer;
    network.answer = () => new Promise((_, reject) => (fail = reject));
    const outcome = renameSession(store, "ses_1", "New");
    link(waiting);
    link(connecting);
    link(live);
    await pass(10);
    network.answer = answer;
    fail(new TypeError("Failed to fetch"));
    await pass(1_010);
    expect((await outcome).ok).toBe(true);
  });

  it("that fails while the connection stays is tried ever more rarely", async () => {
    answers = Array.from({ length: 5 }, () => new Response("bad gateway", { status: 502 }));
    const outcome = renameSession(store, "ses_1", "New");
    await pass(0);
    const sent: number[] = [];
    for (const wait of [1_000, 2_000, 4_000, 8_000, 16_000]) {
      await pass(wait - 1);
      sent.push(keys.length);
      await pass(1);
      sent.push(keys.length);
    }
    expect(sent).toEqual([1, 2, 2, 3, 3, 4, 4, 5, 5, 6]);
    expect((await outcome).ok).toBe(true);
    expect(new Set(keys).size).toBe(1);
  });

  it.each([
    ["waits", waiting],
    ["is tried again", connecting],
  ])("is not kept for later while nobody is there and the connection %s", async (_, cut) => {
    link(cut);
    answers = ["nothing"];
    expect(await sendPrompt(store, "ses_1", "Hello")).toMatchObject({
      ok: false,
      problem: { code: "unreachable" },
    });
    expect(store.get().pending).toEqual([]);
  });

  it("is sent in a break of a moment, and again when that is over", async () => {
    link({ is: "connecting", since: 0, tries: 0 });
    answers = ["nothing"];
    const outcome = sendPrompt(store, "ses_1", "Hello");
    await pass(10);
    expect(store.get().pending).toHaveLength(1);
    link(live);
    await pass(10);
    expect((await outcome).ok).toBe(true);
    expect(new Set(keys).size).toBe(1);
  });

  it("ends when the sign-in is refused meanwhile", async () => {
    answers = ["nothing", json({ code: "token_invalid", status: 401 }, 401)];
    const outcome = renameSession(store, "ses_1", "New");
    await pass(10);
    link({ is: "refused", problem: { code: "token_invalid" } });
    await pass(10);
    expect(await outcome).toMatchObject({ ok: false, problem: { code: "token_invalid" } });
  });
});

describe("a prompt that waits, sent now", () => {
  const turn = {
    id: "trn_1",
    source: "user",
    number: 1,
    cancelled_by: null,
    active_at: null,
    handed_over_at: null,
    started_at: "2027-01-15T08:00:00Z",
  } as const;

  it("goes first, and the turn that runs is cancelled for it", async () => {
    store.put({
      is: "sessions",
      items: [aSession({ ...one, pos: 31, turn })],
      view: "full",
      pos: 31,
      epoch: 1,
    });
    answers = [
      json({ items: [], session: { ...one, pos: 32 }, cursor: { epoch: 1, pos: 32, seq: 1 } }),
      json({ ...one, pos: 33 }),
    ];
    expect((await sendQueuedNow(store, "ses_1", "trn_2")).ok).toBe(true);
    expect(network.fetched).toEqual([
      "PATCH /v1/sessions/ses_1/queue/trn_2",
      "POST /v1/sessions/ses_1/cancel",
    ]);
  });

  it("is content with a turn that was over by itself", async () => {
    store.put({
      is: "sessions",
      items: [aSession({ ...one, pos: 31, turn })],
      view: "full",
      pos: 31,
      epoch: 1,
    });
    answers = [
      json({ items: [], session: { ...one, pos: 32 }, cursor: { epoch: 1, pos: 32, seq: 1 } }),
      json({ code: "nothing_running", status: 409 }, 409),
    ];
    expect((await sendQueuedNow(store, "ses_1", "trn_2")).ok).toBe(true);
  });
});
