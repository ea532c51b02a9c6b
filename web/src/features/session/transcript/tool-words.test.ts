import { describe, expect, it } from "vitest";
import type { ItemOf, ToolCall } from "@/store/items";
import { kindOf, objectOf, sentenceOf, stateOf, TOOL_KINDS } from "./tool-words";

const call = (given: Partial<ToolCall>): ToolCall => ({ id: "t", ...given });
const item = (given: Partial<ToolCall>, cut_off = false): ItemOf<"tool"> => ({
  kind: "tool",
  id: "tool:t",
  seq: 1,
  version: 1,
  at: "2026-01-01T00:00:00Z",
  until: "2026-01-01T00:00:01Z",
  turn: "trn",
  permission: null,
  cut_off,
  call: call(given),
});

describe("tool words", () => {
  it("says the state of a call", () => {
    expect(stateOf(item({}), null)).toBe("pending");
    expect(stateOf(item({ status: "in_progress" }), null)).toBe("running");
    expect(stateOf(item({ status: "completed" }), "allow_once")).toBe("done");
    expect(stateOf(item({ status: "failed" }), null)).toBe("failed");
    expect(stateOf(item({ status: "failed" }), "reject_once")).toBe("rejected");
    expect(stateOf(item({ status: "in_progress" }, true), null)).toBe("cancelled");
  });
  it("takes the object from the call's own fields, not from its title", () => {
    const command = objectOf(
      call({ kind: "execute", title: "Run", raw_input: { command: "npm test" } }),
      "/w",
    );
    expect(command).toEqual({ text: "npm test", is: "command" });
    const path = objectOf(
      call({ kind: "read", title: "Read it", locations: [{ path: "/w/src/a.rs" }] }),
      "/w",
    );
    expect(path).toEqual({ text: "src/a.rs", is: "path" });
  });
  it("does not say the verb twice", () => {
    expect(objectOf(call({ kind: "read", title: "Read src/a.rs" }), "/w").text).toBe("src/a.rs");
    expect(objectOf(call({ kind: "execute", title: "`npm test`" }), "/w").text).toBe("npm test");
  });
  it("shows a kind that it does not know as none", () => {
    expect(kindOf(call({ kind: "teleport" }))).toBe("other");
  });
  it("has words for each kind in each state", () => {
    for (const kind of TOOL_KINDS) {
      for (const state of ["pending", "running", "done", "failed", "rejected", "cancelled"] as const) {
        expect(sentenceOf(kind, state, "X")).toContain("X");
      }
    }
  });
});
