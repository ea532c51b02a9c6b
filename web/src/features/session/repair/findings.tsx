/** What was found in a log, and what a repair appends. */
import type { RepairReport, RepairSeverity } from "@/api/gen";
import { t } from "@/i18n";
import { cx } from "@/lib/cx";
import { HiddenText } from "@/parts/hidden-text";
import { actionWords, issueWords, outlookOf } from "./repair-words";

const inks: Readonly<Record<RepairSeverity, string>> = {
  info: "text-3",
  warning: "text-warn-ink",
  error: "text-bad-ink",
};

export function Findings({ report }: { readonly report: RepairReport }) {
  const { issues, actions, more_issues: more } = report;
  const { blocked, may } = outlookOf(report);
  return (
    <>
      {issues.length === 0 ? (
        <p className="text-good-ink">{t("session.repair.nothing")}</p>
      ) : (
        <section className="flex flex-col gap-1">
          <h3 className="font-semibold">{t("session.repair.found")}</h3>
          <ul className="flex flex-col gap-2">
            {issues.map((issue) => (
              <li key={`${issue.code} ${issue.seq ?? ""} ${issue.detail}`}>
                <p className={cx("break-words", inks[issue.severity])}>
                  <HiddenText text={issueWords(issue)} />
                </p>
                <p className="flex flex-wrap gap-x-3 text-sm text-3">
                  <span>{t(`session.repair.severity.${issue.severity}`)}</span>
                  {issue.seq !== undefined && <span>{t("session.repair.at", { seq: issue.seq })}</span>}
                  {issue.detail.toLowerCase() !== issueWords(issue).toLowerCase() && (
                    <span className="min-w-0 break-words">
                      <HiddenText text={issue.detail} />
                    </span>
                  )}
                  <code>{issue.code}</code>
                </p>
              </li>
            ))}
          </ul>
          {more > 0 && <p className="text-3">{t("session.repair.more", { count: more })}</p>}
        </section>
      )}
      {actions.length > 0 && !blocked && (
        <section className="flex flex-col gap-1">
          <h3 className="font-semibold">{t("session.repair.would")}</h3>
          <ul className="list-disc pl-5">
            {actions.map((action) => (
              <li key={`${action.code} ${action.turn} ${action.tool_call ?? ""}`} className="break-words">
                <HiddenText text={actionWords(action)} />
              </li>
            ))}
          </ul>
        </section>
      )}
      {blocked && <p className="text-bad-ink">{t("session.repair.blocked")}</p>}
      {!blocked && !may && issues.length > 0 && actions.length === 0 && (
        <p className="text-2">{t("session.repair.no_action")}</p>
      )}
    </>
  );
}
