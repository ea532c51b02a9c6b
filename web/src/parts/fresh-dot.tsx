/** Beside a badge: it finished and nobody looked at it in this browser. */
import { t } from "@/i18n";

export function FreshDot() {
  return (
    <span
      role="img"
      aria-label={t("shared.badge.fresh")}
      title={t("shared.badge.fresh")}
      className="inline-block size-2 shrink-0 rounded-full bg-good"
    />
  );
}
