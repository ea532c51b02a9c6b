/** A log: the same in any pieces, from any window, cut off anywhere and resumed. */
import { describe, expect, it } from "vitest";
import { aLog, aSession, teller } from "../../test/build";
import { golden } from "../../test/golden";
import { chunks, random, seeds } from "../../test/random";
import { answered, happen, newServer, run, sessionNow, type FakeServer } from "../../test/server";
import { shownTranscript } from "../../test/shown";
import { unfinished } from "./carry";
import { fold } from "./fold";
import { append, HELD_MAX, ITEMS_MAX, newLog, withPage, type Log } from "./log";
import { nothing, type State } from "./state";
import { extend, noTranscript } from "./transcript";
import type { Event } from "./types";

const whole = (events: readonly Event[]) => shownTranscript(extend(noTranscript, events));
const ready = (session: string): Log => ({ ...newLog(session), is: "ready" });
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

describe.each(golden)("$name", ({ events }) => {
  it("is the same in any pieces, with duplicates", () => {
    for (const seed of seeds(40)) {
      const by = random(seed);
      let log = ready("s");
      for (const piece of chunks(events, by, 10)) {
        log = append(log, piece).log;
        // Anything that was told before may be told again.
        const from = by.below(log.events.length);
        if (by.chance(0.5)) log = append(log, events.slice(from, from + by.below(20))).log;
      }
      expect(shownTranscript(log.transcript), `seed ${seed}`).toEqual(whole(events));
      check(log);
    }
  });

  it("is the same after a piece was lost and asked for", () => {
    for (const seed of seeds(40)) {
      const by = random(seed);
      let log = ready("s");
      for (const piece of chunks(events, by, 10)) {
        if (by.chance(0.3)) continue;
        const appended = append(log, piece);
        log = appended.log;
        if (appended.gap !== null) log = append(log, events.slice(appended.gap)).log;
      }
      log = append(log, events.slice(log.last)).log;
      expect(shownTranscript(log.transcript), `seed ${seed}`).toEqual(whole(events));
    }
  });

  it("is the same from a window in the middle, once what is before it is read", () => {
    for (const seed of seeds(60)) {
      const by = random(seed);
      const end = 1 + by.below(events.length);
      const size = 1 + by.below(40);
      const page = { before: null, after: null, limit: size };
      let { log } = withPage(
        { ...newLog("s"), loading: "latest", page },
        events.slice(Math.max(0, end - size), end),
        end,
      );
      // What comes meanwhile is taken while somebody reads up.
      const rest = chunks(events.slice(end), by, 10);
      let at = 0;
      while (log.first > 1) {
        if (by.chance(0.5)) log = append(log, rest[at++] ?? []).log;
        const limit = 1 + by.below(40);
        const older = events.slice(Math.max(0, log.first - 1 - limit), log.first - 1);
        log = withPage(
          { ...log, loading: "older", page: { before: log.first, after: null, limit } },
          older,
          end,
        ).log;
        check(log);
      }
      for (const piece of rest.slice(at)) log = append(log, piece).log;
      expect(shownTranscript(log.transcript), `seed ${seed}`).toEqual(whole(events));
    }
  });

  it("is the same from every prefix that was cut off and resumed", () => {
    const session = aSession({ id: events[0]?.session ?? "s" });
    const expected = whole(events);
    for (let cut = 0; cut <= events.length; cut += 1) {
      const server = newServer(events, session, cut);
      let state = run(nothing, server, [
        { is: "hello", epoch: 1, version: "1" },
        { is: "sessions", items: [sessionNow(server)], view: "full", pos: 0, epoch: 1 },
        { is: "opened", session: session.id },
        { is: "link", link: live },
      ]);
      server.subscribed.clear();
      state = fold(state, { is: "link", link: { is: "closed" } }).state;
      expect(logOf(state, server).caught_up).toBe(false);
      state = run(state, server, happen(server, events.length));
      const log = logOf(state, server);
      state = run(state, server, [
        { is: "hello", epoch: 1, version: "1" },
        ...answered(server, { ask: "subscribe", topic: session.id, after: log.last }),
        { is: "link", link: live },
      ]);
      expect(shownTranscript(logOf(state, server).transcript), `cut at ${cut}`).toEqual(expected);
      expect(logOf(state, server).caught_up).toBe(true);
    }
  });
});

it("says no piece of a message twice when what is before it is read", () => {
  const tell = teller("s");
  const events = Array.from({ length: 100 }, (_, n) =>
    tell({
      type: "message_appended",
      turn: "trn_1",
      message: "msg_1",
      role: "agent",
      channel: "answer",
      content: { type: "text", text: `${n} ` },
    }),
  );
  const base = unfinished(extend(noTranscript, events.slice(0, 40)));
  const transcript = extend(base, events.slice(40));
  expect(shownTranscript(transcript)).toEqual(whole(events));
  const page = { before: 41, after: null, limit: 10 };
  const log: Log = {
    ...ready("s"),
    events: events.slice(40),
    first: 41,
    last: 100,
    base,
    transcript,
    loading: "older",
    page,
  };
  const longer = withPage(log, events.slice(30, 40), 100).log;
  expect(shownTranscript(longer.transcript)).toEqual(whole(events.slice(30)));
});

describe("a hole", () => {
  const events = aLog({ turns: 2, length: 20 });

  it("is asked for once, and nothing after it is taken", () => {
    const first = append(ready("s"), events.slice(0, 10));
    const after = append(first.log, events.slice(15, 20));
    expect(after.gap).toBe(10);
    expect(after.log.last).toBe(10);
    const again = append(after.log, events.slice(20, 22));
    expect(again.gap).toBeNull();
    expect(append(again.log, events.slice(10)).log.last).toBe(events.length);
  });

  it("is nobody's before the first page is here", () => {
    expect(append(newLog("s"), events.slice(5))).toMatchObject({ gap: null, log: { last: 0 } });
  });
});
