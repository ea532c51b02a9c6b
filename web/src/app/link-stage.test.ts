/** What is said of the connection, and when. */
import { describe, expect, it } from "vitest";
import type { Link } from "@/store/state";
import { isMoving, stageOf, type Told } from "./link-stage";

const waiting: Link = { is: "waiting", since: 0, retry_at: 0, tries: 1, why: "" };
const told = (link: Link, over: Partial<Told> = {}): Told => ({
  link,
  saved_at: null,
  version: "0.1.0",
  ...over,
});

describe("a break", () => {
  it("is nothing for 1.5 s, a word until 30 s, then a bar with its time", () => {
    expect(stageOf(told(waiting), 1_499)).toEqual({ is: "live" });
    expect(stageOf(told(waiting), 1_500)).toEqual({ is: "reconnecting" });
    expect(stageOf(told({ is: "connecting", since: 0, tries: 3 }), 29_999)).toEqual({ is: "reconnecting" });
    expect(stageOf(told(waiting), 30_000)).toEqual({ is: "lost", since: 0 });
    expect(stageOf(told({ is: "catching_up", since: 0 }), 40_000)).toEqual({ is: "reconnecting" });
  });

  it("is told at its end for 2 s, with how much was missed", () => {
    const back: Link = { is: "live", since: 0, over: "socket", caught_up: 214, away: 40_000 };
    expect(stageOf(told(back), 1_999)).toEqual({ is: "back", count: 214 });
    expect(stageOf(told(back), 2_000)).toEqual({ is: "live" });
    expect(stageOf(told({ ...back, caught_up: 0 }), 0)).toEqual({ is: "live" });
    expect(stageOf(told({ ...back, away: 300 }), 0)).toEqual({ is: "live" });
    expect([isMoving(told(back), 1_999), isMoving(told(back), 2_000)]).toEqual([true, false]);
  });
});

describe("the start", () => {
  it("does not claim to be live", () => {
    const first: Link = { is: "connecting", since: 0, tries: 0 };
    expect(stageOf(told(first, { version: null }), 100)).toEqual({ is: "quiet" });
    expect(stageOf(told(first, { version: null }), 1_500)).toEqual({ is: "reconnecting" });
  });

  it("with this browser's copy soon says how old that is", () => {
    const old = { version: null, saved_at: -90_000 };
    expect(stageOf(told(waiting, old), 1_500)).toEqual({ is: "lost", since: -90_000 });
  });
});
