/** Stands for a change that is folded, with the reason and a button that shows it all the same. */
import { t } from "@/i18n";
import { number, size } from "@/i18n/format";
import { Button } from "@/ui/button";
import type { FoldReason } from "./change";

export function Folded({ reason, onShow }: { readonly reason: FoldReason; readonly onShow: () => void }) {
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-1 px-3 py-2 text-2">
      <span>{reasonWords(reason)}</span>
      <Button size="sm" onClick={onShow}>
        {t("shared.show_anyway")}
      </Button>
    </div>
  );
}

function reasonWords(reason: FoldReason): string {
  switch (reason.is) {
    case "many_lines":
      return t("shared.diff.many_lines", { n: number(reason.lines) });
    case "large":
      return t("shared.diff.large", { size: size(reason.bytes) });
    case "generated":
      return t("shared.diff.generated");
  }
}
