/** When something was: the exact time, the session and the event on hover, and by a click in the clipboard. */
import type { ReactNode } from "react";
import { t } from "@/i18n";
import { exact, instant } from "@/i18n/format";
import { useCopy } from "./use-copy";

type StampProps = {
  readonly at: string | number;
  readonly session: string;
  readonly seq: number;
  /** The time as it is shown. */
  readonly children: ReactNode;
  readonly className?: string;
};

export function Stamp({ at, session, seq, children, className }: StampProps) {
  const { copy } = useCopy();
  const when = instant(at);
  if (when === null) return null;
  const text = t("shared.time.stamp", { time: exact(when), id: session, seq: String(seq) });
  const copied = t("shared.time.stamp", {
    time: new Date(when).toISOString(),
    id: session,
    seq: String(seq),
  });
  return (
    <button
      type="button"
      title={text}
      onClick={() => copy(copied)}
      className={`tap rounded-sm hover:text-1 ${className ?? ""}`}
    >
      {children}
      <span className="sr-only">{t("shared.time.copy")}</span>
    </button>
  );
}
