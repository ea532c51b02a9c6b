/** What became of the plan: only what changed. The whole of it stands over the composer. */
import { memo } from "react";
import { t } from "@/i18n";
import { HiddenText } from "@/parts/hidden-text";
import type { PlanEntry } from "@/store/items";
import type { RowOf } from "@/store/rows";
import { Icon } from "@/ui/icon";

export const PlanRow = memo(function PlanRow({ row }: { readonly row: RowOf<"plan"> }) {
  const { item, changes } = row;
  // A plan that is all new is told by its length.
  const made = changes.length === item.entries.length && changes.every((one) => one.status !== "completed");
  return (
    <div className="flex min-h-7 items-start gap-1.5 px-1 py-1 text-2">
      <span className="mt-0.5 ml-[18px]">
        <Icon name="list" />
      </span>
      {made ? (
        <span>{t("transcript.plan.made", { count: changes.length })}</span>
      ) : (
        <ul className="min-w-0">
          {changes.map((entry) => (
            <li key={entry.content} className="truncate">
              <HiddenText text={words(entry)} />
            </li>
          ))}
        </ul>
      )}
    </div>
  );
});

function words({ content, status }: PlanEntry): string {
  switch (status) {
    case "in_progress":
      return t("transcript.plan.began", { step: content });
    case "completed":
      return t("transcript.plan.finished", { step: content });
    default:
      return t("transcript.plan.added", { step: content });
  }
}
