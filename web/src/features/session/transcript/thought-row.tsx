/** What the agent thought: one line, opened on demand. While it thinks, the line is the last that it thought. */
import { memo } from "react";
import { t } from "@/i18n";
import { duration, instant } from "@/i18n/format";
import { HiddenText } from "@/parts/hidden-text";
import { Markdown } from "@/parts/markdown/markdown";
import type { ItemOf } from "@/store/items";
import { FoldLine } from "./fold-line";
import { useFold } from "./folds";
import { useStreamed } from "./use-streamed";

export const ThoughtRow = memo(function ThoughtRow({ item }: { readonly item: ItemOf<"message"> }) {
  const is = item.open ? "open" : "closed";
  const text = useStreamed(item.text, is);
  const [open, toggle] = useFold(`thought:${item.id}`, "closed");
  const took = (instant(item.until) ?? 0) - (instant(item.at) ?? 0);
  return (
    <div>
      <FoldLine icon="thought" open={open} onToggle={toggle}>
        <span className="min-w-0 truncate">
          {item.open
            ? t("transcript.thought.open")
            : took < 1000
              ? t("transcript.thought.done_short")
              : t("transcript.thought.done", { time: duration(took) })}
          {item.open && !open && (
            <span className="ml-2 text-3">
              <HiddenText text={lastLine(text)} />
            </span>
          )}
        </span>
      </FoldLine>
      {open && (
        <div className="ml-3 border-l border-line py-1 pl-3 text-2">
          <Markdown text={text} state={is} />
        </div>
      )}
    </div>
  );
});

/** The end of what was thought, short enough for a line. */
function lastLine(text: string): string {
  const line = text.trimEnd().split("\n").at(-1) ?? "";
  return line.length > 120 ? `…${line.slice(-119)}` : line;
}
