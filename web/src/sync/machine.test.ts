/** The connection machine on a clock of its own. */
import { describe, expect, it } from "vitest";
import { isCut } from "@/store/state";
import { backoff } from "./backoff";
import { due, newMachine, step, type Effect, type Happened, type Machine } from "./machine";

/** A machine with a clock of its own that writes down what it wants done. */
function stage(chance = 1) {
  let now = 1_000_000;
  let machine = newMachine(now);
  const effects: Effect[] = [];
  const happen = (happened: Happened) => {
    const stepped = step(machine, happened, now, chance);
    machine = stepped.machine;
    effects.push(...stepped.effects);
  };
  return {
    happen,
    get: (): Machine => machine,
    now: () => now,
    /** Does what was wanted since the last look. */
    wanted: () => effects.splice(0),
    jump: (ms: number) => {
      now += ms;
    },
    /** Lets time pass, with a tick each second and whenever one is due. */
    pass: (ms: number, hidden = false) => {
      const end = now + ms;
      while (now < end) {
        now = Math.min(end, now + 1_000, Math.max(due(machine) ?? end, now + 1));
        happen({ is: "tick", hidden });
      }
    },
  };
}

const lost = { is: "ended", opened: true, answers: true, reason: "closed_1006" } as const;
const unanswered = { is: "ended", opened: false, answers: false, reason: "closed_1006" } as const;
const blocked = { is: "ended", opened: false, answers: true, reason: "closed_1006" } as const;

function live(chance = 1) {
  const at = stage(chance);
  at.happen({ is: "start" });
  at.happen({ is: "hello" });
  at.happen({ is: "caught_up", count: 0 });
  at.wanted();
  return at;
}

describe("the wait", () => {
  it("doubles from 1 s to 30 s and stays there", () => {
    expect([0, 1, 2, 3, 4, 5, 6, 100].map((tries) => backoff(tries, 1))).toEqual([
      1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000,
    ]);
  });
  it("takes its chance in the upper half only", () => {
    for (const tries of [0, 3, 50]) {
      expect(backoff(tries, 0)).toBe(backoff(tries, 1) / 2);
      expect(backoff(tries, 0.5)).toBe((backoff(tries, 1) * 3) / 4);
    }
  });
});

describe("the way up", () => {
  it("goes from a dial over hello to live", () => {
    const at = stage();
    expect(at.get().link).toEqual({ is: "closed" });
    at.happen({ is: "start" });
    expect(at.wanted()).toEqual([{ do: "dial", over: "socket" }]);
    expect(at.get().link).toMatchObject({ is: "connecting", tries: 0 });
    at.happen({ is: "hello" });
    expect(at.get().link.is).toBe("catching_up");
    at.happen({ is: "caught_up", count: 214 });
    expect(at.get().link).toMatchObject({ is: "live", over: "socket", caught_up: 214 });
    expect(at.wanted()).toEqual([]);
  });
  it("tells how long it was away, but not the first time", () => {
    const at = live();
    expect(at.get().link).not.toHaveProperty("away");
    at.happen(lost);
    at.pass(1_000);
    at.jump(500);
    at.happen({ is: "hello" });
    at.jump(500);
    at.happen({ is: "caught_up", count: 3 });
    expect(at.get().link).toMatchObject({ is: "live", caught_up: 3, away: 2_000 });
  });
  it("tells so the first time, too, if nobody was there for a while", () => {
    const at = stage();
    at.happen({ is: "start" });
    at.happen(unanswered);
    at.pass(1_000);
    at.happen({ is: "hello" });
    at.happen({ is: "caught_up", count: 3 });
    expect(at.get().link).toMatchObject({ is: "live", away: 1_000 });
  });
  it("is not live by the end of something else than what it waits for", () => {
    const at = stage();
    at.happen({ is: "start" });
    at.happen({ is: "caught_up", count: 1 });
    expect(at.get().link.is).toBe("connecting");
  });
  it("asks why when nobody answers a dial, and goes on when nothing comes of that either", () => {
    const at = stage();
    at.happen({ is: "start" });
    at.wanted();
    at.pass(9_000);
    expect(at.wanted()).toEqual([]);
    at.pass(1_000);
    expect(at.wanted()).toEqual([{ do: "look_why" }]);
    at.pass(10_000);
    expect(at.get().link).toMatchObject({ is: "waiting", why: "no_answer" });
  });
});

describe("a break", () => {
  it("waits 1, 2, 4, 8, 16, 30, 30 … seconds, without end", () => {
    const at = live();
    at.pass(6_000);
    at.happen(lost);
    const waits: number[] = [];
    for (let n = 0; n < 50; n++) {
      const { link } = at.get();
      if (link.is !== "waiting") throw new Error(link.is);
      waits.push(link.retry_at - at.now());
      at.pass(link.retry_at - at.now());
      expect(at.wanted()).toEqual([{ do: "dial", over: "socket" }]);
      at.happen(unanswered);
    }
    expect(waits.slice(0, 7)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    expect(new Set(waits.slice(6))).toEqual(new Set([30_000]));
  });
  it("began when the connection was lost, however often it is tried", () => {
    const at = live();
    at.pass(6_000);
    const since = at.now();
    at.happen(lost);
    for (const wait of [1_000, 2_000, 4_000, 8_000]) {
      at.pass(wait);
      expect(at.get().link).toMatchObject({ is: "connecting", since });
      at.happen(unanswered);
      expect(at.get().link).toMatchObject({ is: "waiting", since });
    }
  });
  it("begins anew with the shortest wait after a connection that held", () => {
    const at = live();
    at.happen(lost);
    at.pass(1_000);
    at.happen({ is: "hello" });
    at.happen({ is: "caught_up", count: 0 });
    at.pass(6_000);
    at.happen(lost);
    expect(at.get().link).toMatchObject({ is: "waiting", retry_at: at.now() + 1_000 });
  });
  it("waits longer each time when connections break at once", () => {
    const at = live();
    for (const wait of [1_000, 2_000, 4_000]) {
      at.happen(lost);
      expect(at.get().link).toMatchObject({ retry_at: at.now() + wait });
      at.pass(wait);
      at.happen({ is: "hello" });
      at.happen({ is: "caught_up", count: 0 });
    }
  });
  it("is known until there is a hello, also while it is tried again", () => {
    const at = live();
    const cut = () => isCut(at.get().link);
    expect(cut()).toBe(false);
    at.happen(lost);
    for (let n = 0; n < 3; n++) {
      expect([at.get().link.is, cut()]).toEqual(["waiting", true]);
      at.happen({ is: "woken" });
      expect([at.get().link.is, cut()]).toEqual(["connecting", true]);
      at.happen(unanswered);
    }
    at.happen({ is: "woken" });
    at.happen({ is: "hello" });
    expect([at.get().link.is, cut()]).toEqual(["catching_up", false]);
  });
  it("is not known of the first dial, nor of one in place of a connection that was silent", () => {
    const at = stage();
    at.happen({ is: "start" });
    expect(isCut(at.get().link)).toBe(false);
    at.happen(unanswered);
    at.pass(1_000);
    at.happen({ is: "hello" });
    at.happen({ is: "caught_up", count: 0 });
    at.pass(30_000);
    expect(at.get().link).toMatchObject({ is: "connecting", tries: 0 });
    expect(isCut(at.get().link)).toBe(false);
    at.happen(unanswered);
    expect(at.get().link).toMatchObject({ is: "waiting", retry_at: at.now() + 1_000, tries: 1 });
  });
  it("of a slow reader is dialed again at once", () => {
    const at = live();
    at.happen({ ...lost, reason: "lagged" });
    expect(at.wanted()).toEqual([{ do: "dial", over: "socket" }]);
  });
  it("is over at once when the network or the tab is back", () => {
    const at = live();
    for (let n = 0; n < 8; n++) {
      at.happen(n === 0 ? lost : unanswered);
      if (n < 7) at.pass(30_000);
    }
    at.wanted();
    at.happen({ is: "woken" });
    expect(at.wanted()).toEqual([{ do: "dial", over: "socket" }]);
    at.happen({ is: "woken" });
    expect(at.wanted()).toEqual([]);
  });
});

describe("silence", () => {
  it("is asked after 20 s, and dead 10 s later", () => {
    const at = live();
    at.pass(19_000);
    expect(at.wanted()).toEqual([]);
    at.pass(1_000);
    expect(at.wanted()).toEqual([{ do: "ping" }]);
    at.pass(9_000);
    expect(at.wanted()).toEqual([]);
    at.pass(1_000);
    expect(at.wanted()).toEqual([{ do: "hang_up" }, { do: "dial", over: "socket" }]);
  });
  it("ends with any word", () => {
    const at = live();
    at.pass(29_000);
    at.happen({ is: "heard" });
    at.wanted();
    at.pass(19_000);
    expect(at.wanted()).toEqual([]);
    expect(at.get().link.is).toBe("live");
  });
  it("small thing 8: of somebody who just came back is believed for 2 s only", () => {
    const at = live();
    at.pass(5_000);
    at.happen({ is: "woken" });
    expect(at.wanted()).toEqual([{ do: "ping" }]);
    at.pass(2_000);
    expect(at.wanted()).toEqual([{ do: "hang_up" }, { do: "dial", over: "socket" }]);
  });
});

describe("sleep", () => {
  it("presumes a socket dead after a clock jump", () => {
    const at = live();
    at.jump(31_000);
    at.happen({ is: "tick", hidden: false });
    expect(at.wanted()).toEqual([{ do: "hang_up" }, { do: "dial", over: "socket" }]);
  });
  it("ends a wait", () => {
    const at = live();
    for (let n = 0; n < 7; n++) {
      at.happen(n === 0 ? lost : unanswered);
      if (n < 6) at.pass(30_000);
    }
    at.wanted();
    at.jump(40_000);
    at.happen({ is: "tick", hidden: false });
    expect(at.wanted()).toEqual([{ do: "dial", over: "socket" }]);
  });
  it("is not what a hidden tab's late timer means: it only asks", () => {
    const at = live();
    at.jump(60_000);
    at.happen({ is: "tick", hidden: true });
    expect(at.wanted()).toEqual([{ do: "ping" }]);
    at.happen({ is: "heard" });
    expect(at.get().link.is).toBe("live");
  });
  it("is not undone by what was on its way when it began", () => {
    const at = live();
    at.jump(3_600_000);
    at.happen({ is: "heard" });
    expect(at.wanted()).toEqual([{ do: "ping" }]);
  });
  it("small thing 8: redials at once on waking", () => {
    const at = live();
    at.jump(3_600_000);
    at.happen({ is: "woken" });
    expect(at.wanted()).toEqual([{ do: "hang_up" }, { do: "dial", over: "socket" }]);
  });
  it("survives a clock that is put back", () => {
    const at = live();
    at.jump(-7_200_000);
    at.pass(21_000);
    expect(at.wanted()).toEqual([{ do: "ping" }]);
    at.happen(lost);
    at.jump(-7_200_000);
    at.pass(31_000);
    expect(at.get().link.is).toBe("connecting");
  });
});

describe("refused", () => {
  it("stops until somebody signs in", () => {
    const at = live();
    at.happen({ is: "refused", problem: { code: "token_invalid" } });
    expect(at.wanted()).toEqual([{ do: "hang_up" }]);
    expect(at.get().link).toEqual({ is: "refused", problem: { code: "token_invalid" } });
    expect(due(at.get())).toBeNull();
    at.happen({ is: "woken" });
    at.happen(lost);
    at.pass(100_000);
    expect(at.wanted()).toEqual([]);
    at.happen({ is: "start" });
    expect(at.wanted()).toEqual([{ do: "dial", over: "socket" }]);
  });
});

describe("a proxy in the way", () => {
  it("is found by two upgrades that failed while the server answers", () => {
    const at = stage();
    at.happen({ is: "start" });
    at.happen(blocked);
    at.pass(1_000);
    at.wanted();
    at.happen(blocked);
    expect(at.wanted()).toEqual([{ do: "dial", over: "sse" }]);
    at.happen({ is: "hello" });
    at.happen({ is: "caught_up", count: 0 });
    expect(at.get().link).toMatchObject({ is: "live", over: "sse" });
  });
  it("is not what a server that is down is", () => {
    const at = stage();
    at.happen({ is: "start" });
    for (let n = 0; n < 10; n++) {
      at.happen(unanswered);
      at.pass(31_000);
    }
    expect(at.wanted().every((effect) => effect.do !== "dial" || effect.over === "socket")).toBe(true);
  });
  it("has to fail twice in a row", () => {
    const at = stage();
    at.happen({ is: "start" });
    for (const how of [blocked, unanswered, blocked, unanswered]) {
      at.happen(how);
      at.pass(31_000);
    }
    expect(at.get().over).toBe("socket");
  });
  it("may be gone on the next network: the socket is tried once before the streams", () => {
    const at = stage();
    at.happen({ is: "start" });
    at.happen(blocked);
    at.pass(1_000);
    at.happen(blocked);
    at.happen({ is: "hello" });
    at.happen({ is: "caught_up", count: 0 });
    at.wanted();
    at.happen({ ...lost, reason: "stream" });
    at.pass(2_000);
    expect(at.wanted()).toEqual([{ do: "dial", over: "socket" }]);
    at.happen(blocked);
    expect(at.wanted()).toEqual([{ do: "dial", over: "sse" }]);
  });
});
