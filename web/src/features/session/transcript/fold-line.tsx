/** A line that opens and closes what stands below it. */
import type { ReactNode } from "react";
import { cx } from "@/lib/cx";
import { Icon, type IconName } from "@/ui/icon";

type FoldLineProps = {
  readonly icon: IconName;
  readonly open: boolean;
  readonly onToggle: () => void;
  readonly tone?: "plain" | "bad" | "busy";
  /** Stands at the end of the line, outside of the button. */
  readonly aside?: ReactNode;
  readonly children: ReactNode;
};

const tones = { plain: "text-2", bad: "text-bad-ink", busy: "text-busy-ink" } as const;

export function FoldLine({ icon, open, onToggle, tone = "plain", aside, children }: FoldLineProps) {
  return (
    <div className="flex items-center gap-2">
      <button
        type="button"
        aria-expanded={open}
        onClick={onToggle}
        data-fold=""
        className={cx(
          "group flex min-h-7 min-w-0 items-center gap-1.5 rounded-md px-1 text-left hover:bg-surface-2 touch:min-h-11",
          tones[tone],
        )}
      >
        <Icon
          name="right"
          size={12}
          className={cx("text-3 transition-transform duration-100", open && "rotate-90")}
        />
        <Icon name={icon} />
        {children}
      </button>
      {aside}
    </div>
  );
}
