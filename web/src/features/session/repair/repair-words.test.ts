import { describe, expect, it } from "vitest";
import type { RepairIssue, RepairIssueCode, RepairReport } from "@/api/gen";
import { actionWords, issueWords, outlookOf } from "./repair-words";

const codes: Readonly<Record<RepairIssueCode, RepairIssue["severity"]>> = {
  event_sequence_gap: "warning",
  event_sequence_duplicate: "error",
  event_sequence_regression: "error",
  invalid_event_json: "error",
  event_type_mismatch: "error",
  no_repairable_turn: "info",
  terminal_event_already_exists: "info",
  session_not_stopped: "error",
  stop_reason_requires_force: "error",
  dangling_tool_call_missing_id: "warning",
};
const all = Object.entries(codes) as [RepairIssueCode, RepairIssue["severity"]][];
const issue = (code: RepairIssueCode): RepairIssue => ({ code, severity: codes[code], detail: "why" });
const report = (issues: readonly RepairIssueCode[], actions: RepairReport["actions"] = []): RepairReport => ({
  session_id: "ses_1",
  dry_run: true,
  persisted: false,
  more_issues: 0,
  issues: issues.map(issue),
  actions,
});
const closing = [{ code: "append_terminal_error", turn: "trn_1", number: 3 } as const];

describe("a report of a log", () => {
  it.each(all)("has words for %s, which are not its code", (code) => {
    expect(issueWords(issue(code))).not.toContain(code);
  });

  it("names an issue of a newer server by its code and the server's words", () => {
    const newer = { ...issue("event_sequence_gap"), code: "eclipse" } as unknown as RepairIssue;
    expect(issueWords(newer)).toBe("eclipse: why");
  });

  it("says what is appended", () => {
    const tool = {
      code: "append_interrupted_tool_result",
      turn: "trn_1",
      number: 3,
      title: "npm test",
    } as const;
    expect([...closing, tool].map(actionWords)).toEqual([
      "Turn 3 ends as interrupted",
      "Turn 3: the tool call “npm test” ends as failed",
    ]);
  });

  it.each([
    ["nothing is wrong", report([]), { may: false, blocked: false, wants_force: false }],
    ["a turn is open", report([], closing), { may: true, blocked: false, wants_force: false }],
    ["events are lost", report(["event_sequence_gap"]), { may: true, blocked: false, wants_force: false }],
    [
      "an event cannot be read",
      report(["invalid_event_json", "event_sequence_gap"], closing),
      { may: false, blocked: true, wants_force: false },
    ],
    [
      "somebody must say that it is meant",
      report(["stop_reason_requires_force"], closing),
      { may: false, blocked: false, wants_force: true },
    ],
    ["it runs", report(["session_not_stopped"], closing), { may: false, blocked: false, wants_force: false }],
  ])("offers a repair where one is of use: %s", (_, given, expected) => {
    expect(outlookOf(given)).toEqual(expected);
  });
});
