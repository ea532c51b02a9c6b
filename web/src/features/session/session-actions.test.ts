import { describe, expect, it, vi } from "vitest";
import type { Session } from "@/store/types";
import { newStore } from "@/sync/store";
import { sessionActions, type ActionContext } from "./session-actions";

const base = {
  id: "ses_1",
  short_id: "1",
  state: "idle",
  archived: false,
  turn: null,
  queue_length: 0,
  last_turn: null,
  forked_from: null,
  capabilities: null,
} as unknown as Session;

function of(session: Partial<Session>, out: ActionContext["out"] = []) {
  const copied: string[] = [];
  const opened: string[] = [];
  const context: ActionContext = {
    store: newStore(
      () => undefined,
      () => undefined,
    ),
    session: { ...base, ...session } as Session,
    out,
    open: (layer) => opened.push(layer),
    find: undefined,
    facts: undefined,
    copy: (text) => copied.push(text),
    download: (path) => copied.push(path),
    address: "http://here/s/ses_1",
  };
  const actions = sessionActions(context);
  const ids = (wanted: (action: (typeof actions)[number]) => boolean) =>
    actions.filter((action) => action.visible && wanted(action)).map((action) => action.id);
  return { actions, ids, copied, opened };
}

describe("what can be done with a session", () => {
  it("offers to cancel a turn only while one runs, and not twice", () => {
    const turn = { id: "trn", cancelled_by: null } as Session["turn"];
    expect(of({}).ids(({ id }) => id === "session.cancel")).toEqual([]);
    const running = of({ state: "running", turn });
    expect(running.ids((one) => one.id === "session.cancel" && one.blocked === undefined)).toHaveLength(1);
    const asked = of({ state: "running", turn }, ["cancel"]);
    expect(asked.ids((one) => one.id === "session.cancel" && one.blocked !== undefined)).toHaveLength(1);
  });
  it("says why a session that lives cannot be deleted or put away", () => {
    expect(of({}).ids((one) => one.blocked !== undefined)).toEqual(["session.archive", "session.delete"]);
    expect(of({ state: "stopped" }).ids((one) => one.blocked !== undefined)).toEqual([]);
  });
  it("offers to resume what is stopped or asleep, and to stop what is not over", () => {
    for (const state of ["stopped", "hibernated"]) {
      expect(of({ state }).ids(({ id }) => id === "session.resume")).toHaveLength(1);
    }
    expect(of({ state: "stopped" }).ids(({ id }) => id === "session.stop")).toEqual([]);
    expect(of({ state: "hibernated" }).ids(({ id }) => id === "session.stop")).toHaveLength(1);
  });
  it("asks before it stops or deletes", () => {
    const { actions, opened } = of({ state: "stopped" });
    actions.find(({ id }) => id === "session.delete")?.perform();
    of({}).actions.find(({ id }) => id === "session.stop");
    expect(opened).toEqual(["delete"]);
  });
  it("forks and clears only what has something to remember, and clears only at rest", () => {
    const last_turn = { id: "trn" } as Session["last_turn"];
    const named = (id: string) => (one: { id: string }) => one.id === id;
    expect(of({}).ids(({ id }) => id === "session.fork" || id === "session.clear")).toEqual([]);
    expect(of({ last_turn }).ids(named("session.fork"))).toHaveLength(1);
    const clear = (session: Partial<Session>, out: ActionContext["out"] = []) =>
      of({ last_turn, ...session }, out).actions.find(named("session.clear"))?.blocked;
    expect(clear({})).toBeUndefined();
    expect(clear({ state: "stopped" })).toBeUndefined();
    expect(clear({ state: "running" })).toMatch(/neither works/);
    expect(clear({ queue_length: 1 })).toMatch(/neither works/);
    expect(clear({}, ["clear"])).toBe("Clearing…");
  });
  it("offers a look at the log of what is at rest, and a repair in sight where it is known to be damaged", () => {
    const one = (session: Partial<Session>) =>
      of(session).actions.find(({ id, visible }) => visible && id === "session.repair");
    expect(one({})).toBeUndefined();
    expect(one({ state: "stopped" })).toMatchObject({ name: "Check the log", place: 0 });
    const failure = { kind: "unknown_failure", summary: "its log is damaged", code: "session_damaged" };
    const damaged = one({ state: "stopped", failure: failure as Session["failure"] });
    expect(damaged).toMatchObject({ name: "Repair the log", place: "bar" });
  });
  it("asks before it puts to sleep an agent that forgets, and only then", () => {
    const last_turn = { id: "trn" } as Session["last_turn"];
    const slept = (session: Partial<Session>) => {
      const { actions, opened } = of(session);
      actions.find(({ id }) => id === "session.sleep")?.perform();
      return opened;
    };
    vi.stubGlobal("fetch", () => new Promise(() => undefined));
    expect(slept({ last_turn })).toEqual(["sleep"]);
    expect(slept({ last_turn, capabilities: { loadSession: true } })).toEqual([]);
    expect(slept({ last_turn, capabilities: { sessionCapabilities: { resume: {} } } })).toEqual([]);
    expect(slept({})).toEqual([]);
    vi.unstubAllGlobals();
    expect(of({ state: "running" }).ids(({ id }) => id === "session.sleep")).toEqual([]);
  });
  it("copies the address, the id and the short id", () => {
    const { actions, copied } = of({});
    for (const action of actions) if (action.place === 1) action.perform();
    expect(copied).toEqual(["http://here/s/ses_1", "ses_1", "1"]);
  });
  it("has one name, and keys that no other one has", () => {
    const { actions } = of({});
    const keys = actions.flatMap((action) => action.keys ?? []);
    expect(new Set(keys).size).toBe(keys.length);
    expect(new Set(actions.map(({ id }) => id)).size).toBe(actions.length);
  });
});
