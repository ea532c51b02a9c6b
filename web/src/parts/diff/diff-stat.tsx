/** "+4 −1": lines added and removed. */
import { t } from "@/i18n";
import { number } from "@/i18n/format";

type DiffStatProps = { readonly added: number; readonly removed: number };

export function DiffStat({ added, removed }: DiffStatProps) {
  return (
    <span className="inline-flex gap-1.5 whitespace-nowrap">
      <span className="text-good-ink">
        <span aria-hidden>{t("shared.diff.plus", { n: number(added) })}</span>
        <span className="sr-only">{t("shared.diff.added", { count: added })}</span>
      </span>
      <span className="text-bad-ink">
        <span aria-hidden>{t("shared.diff.minus", { n: number(removed) })}</span>
        <span className="sr-only">{t("shared.diff.removed", { count: removed })}</span>
      </span>
    </span>
  );
}
