/** A path, with its line if there is one. A click copies all of it. */
import { t } from "@/i18n";
import { cx } from "@/lib/cx";
import { HiddenText } from "./hidden-text";
import { useCopy } from "./use-copy";

type PathProps = {
  readonly path: string;
  readonly line?: number | null;
  /** What is shown instead, for instance relative to the session's directory. The whole path is copied all the same. */
  readonly shown?: string;
  readonly className?: string;
};

export function Path({ path, line, shown, className }: PathProps) {
  const { copied, copy } = useCopy(t("shared.path.copied"));
  const place = withLine(path, line);
  return (
    <button
      type="button"
      title={copied ? t("shared.path.copied") : place}
      onClick={(event) => {
        event.stopPropagation();
        copy(place);
      }}
      className={cx(
        "inline-block max-w-full truncate rounded-sm align-bottom font-mono text-[0.95em] text-1 hover:bg-surface-2",
        copied && "bg-good-tint",
        className,
      )}
    >
      <HiddenText text={withLine(shown ?? path, line)} how="command" />
      <span className="sr-only">{t("shared.path.copy")}</span>
    </button>
  );
}

function withLine(path: string, line: number | null | undefined): string {
  return line === null || line === undefined ? path : `${path}:${line}`;
}
