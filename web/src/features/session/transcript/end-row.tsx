/** Where a turn ends: how, after how long, and what it used. */
import { memo } from "react";
import { t } from "@/i18n";
import { duration, exact, instant } from "@/i18n/format";
import { HiddenText } from "@/parts/hidden-text";
import { TokensAndCost } from "@/parts/tokens-and-cost";
import type { RowOf } from "@/store/rows";
import { cx } from "@/lib/cx";

type EndRowProps = { readonly row: RowOf<"end">; readonly agent: string };

export const EndRow = memo(function EndRow({ row, agent }: EndRowProps) {
  const { ended, started_at } = row.record;
  if (ended === null) return null;
  const from = instant(started_at);
  const to = instant(ended.at);
  const usage = ended.usage;
  const bad = ended.stop_reason === "failed" || ended.stop_reason === "interrupted";
  const short = ended.stop_reason === "end_turn" || ended.stop_reason === "cancelled";
  return (
    <div className="flex flex-wrap items-center gap-x-3 py-1 text-sm text-3">
      <span
        title={to === null ? undefined : `${exact(to)} · ${row.seq}`}
        className={cx(bad && "text-bad-ink", !bad && !short && "text-warn-ink")}
      >
        {t(`transcript.end.${ended.stop_reason}`)}
      </span>
      {ended.failure !== undefined && ended.failure.kind !== "process_exit" && (
        <span className="text-2">
          <HiddenText text={ended.failure.summary} />
        </span>
      )}
      {from !== null && to !== null && <span>{duration(to - from)}</span>}
      {usage !== undefined && <TokensAndCost usage={usage} agent={agent} />}
      <span aria-hidden className="h-px min-w-4 flex-1 bg-line" />
    </div>
  );
});
