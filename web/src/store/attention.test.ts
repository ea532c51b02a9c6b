/** Who needs somebody: the number falls the moment it is answered. */
import { describe, expect, it } from "vitest";
import { aFrame, at, numbered } from "../../test/build";
import { newAttention, nextNeeded } from "./attention";
import { foldAll, type Input } from "./fold";
import { nothing, type State } from "./state";
import type { Session } from "./types";

const asked = (n: number, requests: readonly string[]): Session =>
  numbered(n, {
    badge: "needs-you",
    needs_you_since: at(10_000 - n),
    pending_permissions: requests.map((request) => ({
      request,
      turn: null,
      tool_call: { id: "c" },
      options: [],
      asked_at: at(n),
      expires_at: null,
    })),
  });

const put = (inputs: readonly Input[], from: State = nothing) => foldAll(from, inputs).state;
const sessions = (items: readonly Session[]): Input => ({
  is: "sessions",
  items,
  view: "full",
  pos: 0,
  epoch: 1,
});

describe("who needs somebody", () => {
  const two = asked(1, ["prm_1", "prm_2"]);
  const one = asked(2, ["prm_3"]);
  const auth = numbered(3, { badge: "waiting-for-auth", needs_you_since: at(0) });
  const state = put([sessions([numbered(4), two, one, auth, numbered(5, { badge: "failed" })])]);

  it("is in the order of waiting, and nobody else is", () => {
    expect(newAttention()(state).map((need) => [need.session.title, need.why])).toEqual([
      ["Task 3", "sign_in"],
      ["Task 2", "permission"],
      ["Task 1", "permission"],
    ]);
  });

  it("is one less when all of its questions are answered, and again if that is refused", () => {
    const attention = newAttention();
    const decide = (key: string, session: string, request: string): Input => ({
      is: "command",
      command: { key, at: 0, session, kind: "decide", request, option: "yes" },
    });
    const first = put([decide("a", two.id, "prm_1")], state);
    expect(attention(first)).toHaveLength(3);
    expect(attention(first).find((need) => need.id === two.id)?.request).toBe("prm_2");
    const both = put([decide("b", two.id, "prm_2")], first);
    expect(attention(both)).toHaveLength(2);
    const back = put([{ is: "refused", key: "b", problem: { code: "already_decided" } }], both);
    expect(attention(back)).toHaveLength(3);
  });

  it("is the same list while nothing about it changes", () => {
    const attention = newAttention();
    const held = attention(state);
    expect(attention(put([{ is: "frames", frames: [aFrame(numbered(4, { pos: 90 }))] }], state))).toBe(held);
  });

  it("can be walked through in both directions", () => {
    const needed = newAttention()(state);
    expect(nextNeeded(needed, null, 1)).toBe(auth.id);
    expect(nextNeeded(needed, auth.id, 1)).toBe(one.id);
    expect(nextNeeded(needed, two.id, 1)).toBe(auth.id);
    expect(nextNeeded(needed, auth.id, -1)).toBe(two.id);
    expect(nextNeeded(needed, null, -1)).toBe(two.id);
    expect(nextNeeded([], null, 1)).toBeNull();
    expect(nextNeeded([], "x", -1)).toBeNull();
  });
});
