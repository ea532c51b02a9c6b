/** What tabs tell each other, drafts, and what was looked at. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { foldAll, type Input } from "@/store/fold";
import { isUnseen } from "@/store/home-rows";
import { nothing, type State } from "@/store/state";
import { newDrafts } from "./drafts";
import { newTabs, type Tabs, type Told } from "./tabs";
import { newVisits } from "./visits";
import { aFrame, numbered } from "../../test/build";

let storage: Map<string, string>;
let channels: { onmessage: ((message: { data: unknown }) => void)[] }[];

/** Channels that tell at once, and none of them itself. */
class Channel {
  readonly onmessage: ((message: { data: unknown }) => void)[] = [];
  constructor() {
    channels.push(this);
  }
  addEventListener(_: "message", listener: (message: { data: unknown }) => void): void {
    this.onmessage.push(listener);
  }
  postMessage(data: unknown): void {
    for (const other of channels)
      if (other !== this) for (const tell of other.onmessage) tell({ data: structuredClone(data) });
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  storage = new Map();
  channels = [];
  vi.stubGlobal("BroadcastChannel", Channel);
  vi.stubGlobal("navigator", {});
  vi.stubGlobal(
    "localStorage",
    new Proxy(
      {
        getItem: (key: string) => storage.get(key) ?? null,
        setItem: (key: string, value: string) => void storage.set(key, value),
        removeItem: (key: string) => void storage.delete(key),
      },
      {
        ownKeys: () => [...storage.keys()],
        getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
      },
    ),
  );
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("tabs", () => {
  it("tell each other, and let be what a newer one says", () => {
    const [one, two] = [newTabs(), newTabs()];
    const heard: Told[] = [];
    two.listen((told) => heard.push(told));
    one.tell({ is: "seen", session: "ses_1", seq: 4 });
    channels[0]?.onmessage.forEach((tell) => tell({ data: { is: "seen" } }));
    new Channel().postMessage({ is: "dance" });
    new Channel().postMessage({ is: "seen", session: 3, seq: "x" });
    expect(heard).toEqual([{ is: "seen", session: "ses_1", seq: 4 }]);
  });

  it("have one that speaks, and another one when it is gone", async () => {
    const waiting: (() => Promise<unknown>)[] = [];
    vi.stubGlobal("navigator", {
      locks: {
        request: (_: string, hold: () => Promise<unknown>) => {
          waiting.push(hold);
          if (waiting.length === 1) void hold();
          return new Promise(() => undefined);
        },
      },
    });
    const [one, two] = [newTabs(), newTabs()];
    expect([one.speaks(), two.speaks()]).toEqual([true, false]);
    void waiting[1]?.();
    expect(two.speaks()).toBe(true);
  });

  it("speak each for itself where there are no locks", () => {
    vi.stubGlobal("navigator", {});
    expect(newTabs().speaks()).toBe(true);
  });
});

describe("drafts", () => {
  let tabs: Tabs;
  beforeEach(() => {
    tabs = newTabs();
  });

  it("are kept at a pause of 300 ms, each for its session", () => {
    const drafts = newDrafts(tabs);
    drafts.write("ses_1", { text: "H", caret: 1 });
    vi.advanceTimersByTime(299);
    drafts.write("ses_1", { text: "He", caret: 2 });
    vi.advanceTimersByTime(299);
    expect(storage.size).toBe(0);
    // Whoever asks in between is told what was typed.
    expect(drafts.read("ses_1")).toEqual({ text: "He", caret: 2 });
    vi.advanceTimersByTime(1);
    expect(newDrafts(tabs).read("ses_1")).toEqual({ text: "He", caret: 2 });
    expect(newDrafts(tabs).read("ses_2")).toBeNull();
  });

  it("are written at once when the page is left", () => {
    const drafts = newDrafts(tabs);
    drafts.write("ses_1", { text: "Hello", caret: 5, scroll: 12 });
    drafts.flush();
    expect(newDrafts(tabs).read("ses_1")).toEqual({ text: "Hello", caret: 5, scroll: 12 });
  });

  it("go with a confirmed send, also what was still waiting for its pause", () => {
    const drafts = newDrafts(tabs);
    drafts.write("ses_1", { text: "Hello", caret: 5 });
    drafts.clear("ses_1");
    vi.advanceTimersByTime(1_000);
    expect(drafts.read("ses_1")).toBeNull();
    expect(storage.size).toBe(0);
  });

  it("are told to other tabs, and that they were sent", () => {
    const [here, there] = [newDrafts(tabs), newDrafts(newTabs())];
    const heard: unknown[] = [];
    there.listen("ses_1", (draft) => heard.push(draft));
    here.write("ses_1", { text: "Hello", caret: 5 });
    here.write("ses_2", { text: "Other", caret: 0 });
    vi.advanceTimersByTime(300);
    here.clear("ses_1");
    expect(heard).toEqual([{ text: "Hello", caret: 5 }, null]);
  });

  it("hold what goes with them, and a form's other fields", () => {
    const drafts = newDrafts(tabs);
    const file = { name: "Pasted text 1", text: "long" };
    drafts.keepFiles("ses_1", [file]);
    drafts.write("new", { text: "", caret: 0, fields: { agent: "codex" } });
    drafts.flush();
    const next = newDrafts(tabs);
    expect(next.files("ses_1")).toEqual([file]);
    expect(next.files("ses_2")).toEqual([]);
    expect(next.read("new")).toEqual({ text: "", caret: 0, fields: { agent: "codex" } });
    next.keepFiles("ses_1", []);
    next.clear("new");
    expect(storage.size).toBe(0);
  });

  it("go all at sign-out, and nothing else", () => {
    const drafts = newDrafts(tabs);
    drafts.write("ses_1", { text: "Hello", caret: 5 });
    drafts.write("new", { text: "Task", caret: 4 });
    drafts.keepFiles("ses_1", [{ name: "Pasted text 1", text: "long" }]);
    drafts.flush();
    storage.set("convene.theme", '"dark"');
    drafts.clearAll();
    expect([...storage.keys()]).toEqual(["convene.theme"]);
  });

  it("last as long as the page where nothing may be kept", () => {
    vi.stubGlobal("localStorage", {
      getItem: () => {
        throw new Error("no");
      },
      setItem: () => {
        throw new Error("no");
      },
    });
    const drafts = newDrafts(tabs);
    drafts.write("ses_1", { text: "Hello", caret: 5 });
    expect(drafts.read("ses_1")?.text).toBe("Hello");
    vi.advanceTimersByTime(300);
    expect(drafts.read("ses_1")?.text).toBe("Hello");
  });
});

describe("visits", () => {
  function tab(): { readonly put: (...inputs: Input[]) => void; readonly state: () => State } {
    let state = nothing;
    const put = (...inputs: Input[]) => {
      ({ state } = foldAll(state, inputs));
      visits.note(state);
    };
    const visits = newVisits(newTabs(), put);
    put({ is: "hello", epoch: 1, version: "0.1.0" });
    put(...visits.remembered(1));
    return { put, state: () => state };
  }

  it("are remembered by the next visit", () => {
    const first = tab();
    first.put({ is: "seen", session: "ses_1", seq: 4 }, { is: "notified", pos: 9 });
    vi.advanceTimersByTime(1_000);
    const next = tab();
    expect(next.state().seen.get("ses_1")).toBe(4);
    expect(next.state().notified).toBe(9);
  });

  it("remember which turns ended and were not looked at, until they are", () => {
    const turn = {
      number: 1,
      stop_reason: "end_turn",
      failure: null,
      ended_at: "2027-01-15T08:00:00Z",
      duration_ms: 1,
      tools: 0,
      rejected: false,
    } as const;
    const ended = (n: number) =>
      numbered(1, { id: "ses_1", pos: n, seq: n, last_turn: { ...turn, id: `trn_${n}` } });
    const first = tab();
    first.put(
      { is: "sessions", items: [ended(1)], view: "full", pos: 1, epoch: 1 },
      { is: "caught_up", topic: "list", after: 1 },
      { is: "frames", frames: [aFrame(ended(5))] },
    );
    vi.advanceTimersByTime(1_000);
    const next = tab();
    expect(isUnseen(next.state(), "ses_1")).toBe(true);
    next.put({ is: "seen", session: "ses_1", seq: 5 });
    vi.advanceTimersByTime(1_000);
    expect(isUnseen(tab().state(), "ses_1")).toBe(false);
  });

  it("of another log are none", () => {
    tab().put({ is: "seen", session: "ses_1", seq: 4 });
    vi.advanceTimersByTime(1_000);
    expect(newVisits(newTabs(), () => undefined).remembered(2)).toEqual([]);
  });

  it("are told to other tabs, which do not tell them back", () => {
    const [one, two] = [tab(), tab()];
    const tell = vi.spyOn(Channel.prototype, "postMessage");
    one.put({ is: "seen", session: "ses_1", seq: 4 });
    expect(two.state().seen.get("ses_1")).toBe(4);
    expect(tell).toHaveBeenCalledTimes(1);
    two.put({ is: "notified", pos: 12 });
    expect(one.state().notified).toBe(12);
  });

  it("of two tabs are both kept", () => {
    const [one, two] = [tab(), tab()];
    channels.length = 0;
    one.put({ is: "seen", session: "ses_1", seq: 4 });
    two.put({ is: "seen", session: "ses_2", seq: 6 });
    vi.advanceTimersByTime(1_000);
    expect([...tab().state().seen].sort()).toEqual([
      ["ses_1", 4],
      ["ses_2", 6],
    ]);
  });
});
