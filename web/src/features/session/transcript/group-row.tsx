/** Several reads and searches, told in one line; opened, each of them is a line of its own. */
import { memo } from "react";
import { t } from "@/i18n";
import { Elapsed } from "@/parts/elapsed";
import type { RowOf } from "@/store/rows";
import { FoldLine } from "./fold-line";
import { useFold } from "./folds";
import { ToolRow } from "./tool-row";

type GroupRowProps = { readonly row: RowOf<"group">; readonly cwd: string };

export const GroupRow = memo(function GroupRow({ row, cwd }: GroupRowProps) {
  const [open, toggle] = useFold(row.id, "closed");
  return (
    <div>
      <FoldLine
        icon={row.reads > 0 ? "file" : "search"}
        open={open}
        onToggle={toggle}
        aside={
          <span className="shrink-0 text-sm text-3">
            <Elapsed since={row.at} until={row.until} />
          </span>
        }
      >
        <span className="min-w-0 truncate">{words(row)}</span>
      </FoldLine>
      {open && (
        <div className="ml-3 border-l border-line pl-3">
          {row.members.map((item) => (
            <ToolRow key={item.id} item={item} cwd={cwd} place="before" decided={null} />
          ))}
        </div>
      )}
    </div>
  );
});

function words({ reads, searches }: RowOf<"group">): string {
  if (reads === 0) return t("transcript.group.search", { count: searches });
  if (searches === 0) return t("transcript.group.read", { count: reads });
  if (reads === 1) return t("transcript.group.read_one_times", { searches });
  if (searches === 1) return t("transcript.group.read_once", { reads });
  if (searches === 2) return t("transcript.group.read_twice", { reads });
  return t("transcript.group.read_times", { reads, searches });
}
