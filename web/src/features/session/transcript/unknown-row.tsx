/** An event of a newer server: shown as it is, never guessed at. */
import { memo } from "react";
import { t } from "@/i18n";
import { CodeBlock } from "@/parts/code/code-block";
import { HiddenText } from "@/parts/hidden-text";
import { isLost } from "@/store/damage";
import type { ItemOf } from "@/store/items";
import { Icon } from "@/ui/icon";
import { FoldLine } from "./fold-line";
import { useFold } from "./folds";

export const UnknownRow = memo(function UnknownRow({ item }: { readonly item: ItemOf<"unknown"> }) {
  const [open, toggle] = useFold(`unknown:${item.id}`, "closed");
  const { event } = item;
  if (isLost(event)) {
    return (
      <p className="flex items-center gap-1.5 px-1 py-1 text-warn-ink">
        <Icon name="warn" className="ml-[18px]" />
        {t("transcript.unknown.lost", { count: event.to - event.from + 1 })}
      </p>
    );
  }
  return (
    <div>
      <FoldLine icon="question" open={open} onToggle={toggle}>
        <span className="min-w-0 truncate">
          <HiddenText text={t("transcript.unknown.title", { type: item.event.type })} />
        </span>
      </FoldLine>
      {open && (
        <div className="ml-3 border-l border-line py-1 pl-3">
          <CodeBlock code={JSON.stringify(item.event, null, 2)} language="json" />
        </div>
      )}
    </div>
  );
});
