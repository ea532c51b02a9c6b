/** The title counts who needs somebody, and addresses are read back. */
import { describe, expect, it } from "vitest";
import { numbered } from "../../test/build";
import { newAttention } from "@/store/attention";
import { foldAll } from "@/store/fold";
import { nothing, type State } from "@/store/state";
import type { Session } from "@/store/types";
import { titleOf, type Shown } from "./face";
import { shownAt } from "./places";

const since = "2027-01-15T08:00:00Z";
const permission = {
  request: "prm_1",
  asked_at: since,
  expires_at: null,
  options: [],
  tool_call: { id: "call_1" },
  turn: null,
};
const asks = (n: number) =>
  numbered(n, { badge: "needs-you", needs_you_since: since, pending_permissions: [permission] });

function title(sessions: readonly Session[], shown: Shown): string {
  const { state } = foldAll(nothing, [{ is: "sessions", items: sessions, view: "full", pos: 9, epoch: 1 }]);
  return of(state, shown);
}
const of = (state: State, shown: Shown) => titleOf(state, newAttention()(state), shown);

describe("the title", () => {
  it("is the product's name at home, with the number of those who need somebody", () => {
    expect(title([numbered(1)], null)).toBe("Convene");
    expect(title([asks(1), numbered(2, { badge: "running" }), asks(3)], null)).toBe("(2) Convene");
  });

  it("is the session's where one is shown, with what it does", () => {
    const shown = { session: numbered(1).id };
    expect(title([numbered(1)], shown)).toBe("Task 1");
    expect(title([numbered(1, { badge: "running" })], shown)).toBe("(*) Task 1");
    expect(title([asks(1)], shown)).toBe("<!> Task 1");
    expect(title([numbered(1), asks(2)], shown)).toBe("(1) Task 1");
    expect(title([numbered(1, { title: "" })], shown)).toBe("Untitled session");
  });

  it("is the page's elsewhere", () => {
    expect(title([asks(1)], shownAt("/agents"))).toBe("(1) Agents · Convene");
  });

  it("small thing 28: counts one less the moment that somebody answers", () => {
    const { state } = foldAll(nothing, [
      { is: "sessions", items: [asks(1), asks(2)], view: "full", pos: 9, epoch: 1 },
      {
        is: "command",
        command: { kind: "decide", key: "k", at: 0, session: asks(1).id, request: "prm_1", option: "yes" },
      },
    ]);
    expect(of(state, null)).toBe("(1) Convene");
  });
});

describe("an address", () => {
  it("shows a session in all its views", () => {
    expect(shownAt("/s/ses_1")).toEqual({ session: "ses_1" });
    expect(shownAt("/s/ses_1/events")).toEqual({ session: "ses_1" });
    expect(shownAt("/")).toBeNull();
    expect(shownAt("/nowhere")).toBeNull();
  });
});
