/** A patch as it is written, its lines tinted: while the viewer loads, where it fails, and for very long patches. */
import { memo, useMemo } from "react";
import { t } from "@/i18n";
import { HiddenText } from "../hidden-text";
import { LineWindow } from "../line-window";

type PlainDiffProps = { readonly path: string; readonly patch: string };

export const PlainDiff = memo(function PlainDiff({ path, patch }: PlainDiffProps) {
  const lines = useMemo(() => linesOf(patch), [patch]);
  return (
    <LineWindow
      count={lines.length}
      label={t("shared.diff.label", { path })}
      line={(index) => {
        const line = lines[index] ?? "";
        return (
          <span className={`block px-3 ${tintOf(line)}`}>
            <HiddenText text={line} />
          </span>
        );
      }}
    />
  );
});

/** The lines from the first hunk on: what stands before it names the file, which the head has done. */
function linesOf(patch: string): readonly string[] {
  const lines = patch.replace(/\n$/, "").split("\n");
  const first = lines.findIndex((line) => line.startsWith("@@"));
  return first < 0 ? lines : lines.slice(first);
}

function tintOf(line: string): string {
  if (line.startsWith("@@")) return "text-3";
  if (line.startsWith("+") && !line.startsWith("+++")) return "bg-good-tint";
  if (line.startsWith("-") && !line.startsWith("---")) return "bg-bad-tint";
  return "";
}
