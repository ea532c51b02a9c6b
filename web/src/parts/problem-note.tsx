/** What went wrong, at its place: what the server said, what to do about it, and its code to copy. */
import type { ReactNode } from "react";
import { t } from "@/i18n";
import { cx } from "@/lib/cx";
import { Button } from "@/ui/button";
import { Icon } from "@/ui/icon";
import { IconButton } from "@/ui/icon-button";
import { Said } from "./said";
import { useCopy } from "./use-copy";

type ProblemNoteProps = {
  readonly problem: {
    readonly detail?: string;
    readonly title?: string;
    readonly hint?: string;
    readonly code?: string;
  };
  /** `line` is for under a field or a row. */
  readonly look?: "box" | "line";
  readonly onRetry?: () => void;
  readonly onDismiss?: () => void;
  readonly children?: ReactNode;
};

export function ProblemNote({ problem, look = "box", onRetry, onDismiss, children }: ProblemNoteProps) {
  const sentence = problem.detail ?? problem.title ?? t("shared.problem.title");
  // Under a field it is the field that says what to do.
  const next = problem.hint ?? (look === "box" ? t("shared.problem.next") : undefined);
  const all = [problem.code, sentence, next].filter((part) => part !== undefined).join("\n");
  return (
    <div
      role="alert"
      className={cx(
        "flex items-start gap-2 text-bad-ink",
        look === "box" && "rounded-md border border-bad/50 bg-bad-tint px-3 py-2",
      )}
    >
      <Icon name="warn" className="mt-0.5" />
      <div className="min-w-0 flex-1">
        <p className="break-words">
          <Said text={sentence} />
          {problem.code !== undefined && (
            <>
              {" "}
              <ProblemCode code={problem.code} all={all} />
            </>
          )}
        </p>
        {next !== undefined && (
          <p className="text-2">
            <Said text={next} />
          </p>
        )}
        {(onRetry !== undefined || children !== undefined) && (
          <div className="mt-2 flex flex-wrap gap-2">
            {onRetry !== undefined && (
              <Button size="sm" onClick={onRetry}>
                {t("shared.retry")}
              </Button>
            )}
            {children}
          </div>
        )}
      </div>
      {onDismiss !== undefined && (
        <IconButton icon="close" size="sm" label={t("shared.dismiss")} onClick={onDismiss} />
      )}
    </div>
  );
}

/** The code; a click copies all that is said. */
function ProblemCode({ code, all }: { readonly code: string; readonly all: string }) {
  const { copied, copy } = useCopy();
  return (
    <button
      type="button"
      aria-label={t("shared.problem.copy_code", { code })}
      onClick={() => copy(all)}
      className="inline-flex items-center gap-1 rounded-sm align-baseline font-mono text-sm text-2 hover:text-1"
    >
      {code}
      <Icon name={copied ? "check" : "copy"} size={12} />
    </button>
  );
}
