/** What a report of a log says, in words: each issue, each thing that is appended, and whether a repair is of use. */
import type { RepairAction, RepairIssue, RepairReport } from "@/api/gen";
import { t } from "@/i18n";

const ISSUES = [
  "event_sequence_gap",
  "event_sequence_duplicate",
  "event_sequence_regression",
  "invalid_event_json",
  "event_type_mismatch",
  "no_repairable_turn",
  "terminal_event_already_exists",
  "session_not_stopped",
  "stop_reason_requires_force",
  "dangling_tool_call_missing_id",
] as const satisfies readonly RepairIssue["code"][];

/** With one of these nothing is appended, whatever else is found. */
const BLOCKING: ReadonlySet<string> = new Set<RepairIssue["code"]>([
  "event_sequence_duplicate",
  "event_sequence_regression",
  "invalid_event_json",
  "event_type_mismatch",
]);

/** One of a newer server is told by its code and the server's own words. */
export function issueWords({ code, detail }: RepairIssue): string {
  const known = ISSUES.find((one) => one === code);
  return known === undefined
    ? t("session.repair.issue.other", { code, detail })
    : t(`session.repair.issue.${known}`);
}

export function actionWords({ code, number, title, tool_call: call }: RepairAction): string {
  switch (code) {
    case "append_interrupted_tool_result":
      return t("session.repair.action.append_interrupted_tool_result", {
        number,
        title: title ?? call ?? t("shared.unknown"),
      });
    case "append_terminal_error":
      return t("session.repair.action.append_terminal_error", { number });
    default:
      return t("session.repair.action.other", { number, code: String(code) });
  }
}

export type Outlook = {
  /** Whether the server would repair it. */
  readonly may: boolean;
  /** Whether it cannot be repaired at all. */
  readonly blocked: boolean;
  /** Whether somebody must say that it is meant. */
  readonly wants_force: boolean;
};

export function outlookOf({ issues, actions }: RepairReport): Outlook {
  const has = (code: RepairIssue["code"]) => issues.some((issue) => issue.code === code);
  const blocked = issues.some((issue) => BLOCKING.has(issue.code));
  const wants_force = has("stop_reason_requires_force");
  const wanted = actions.length > 0 || has("event_sequence_gap");
  return { may: wanted && !blocked && !wants_force && !has("session_not_stopped"), blocked, wants_force };
}
