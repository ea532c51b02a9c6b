/** A tool call: one line, and opened its input, output and changes. */
import { memo } from "react";
import { t } from "@/i18n";
import { Rich } from "@/i18n/rich";
import { DiffStat } from "@/parts/diff/diff-stat";
import { CommandText } from "@/parts/command-text";
import { Elapsed } from "@/parts/elapsed";
import { HiddenText } from "@/parts/hidden-text";
import { isFinal, type ItemOf } from "@/store/items";
import type { EventOf } from "@/store/types";
import { useFold } from "./folds";
import { FoldLine } from "./fold-line";
import { ToolBody } from "./tool-body";
import { iconOf, kindOf, objectOf, stateOf, type ToolObject, type ToolState } from "./tool-words";
import { changedLines, opensItself } from "./tool-content";

type ToolRowProps = {
  readonly item: ItemOf<"tool">;
  readonly cwd: string;
  /** Whether nothing came after it. */
  readonly place: "last" | "before";
  readonly decided: EventOf<"permission_decided">["decision"] | null;
};

export const ToolRow = memo(function ToolRow({ item, cwd, place, decided }: ToolRowProps) {
  const { call } = item;
  const state = stateOf(item, decided);
  const [open, toggle] = useFold(`tool:${item.id}`, opensItself(call, state, place) ? "open" : "closed");
  const kind = kindOf(call);
  const lines = changedLines(call);
  return (
    <div>
      <FoldLine
        icon={iconOf(call)}
        open={open}
        onToggle={toggle}
        tone={state === "failed" ? "bad" : state === "running" ? "busy" : "plain"}
        aside={<Aside item={item} state={state} asks={item.permission !== null && decided === null} />}
      >
        <span className="min-w-0 truncate">
          <Rich
            of={`transcript.tool.${kind}.${state}`}
            with={{ object: <ObjectText of={objectOf(call, cwd)} /> }}
          />
        </span>
        {lines.changed > 0 && <DiffStat added={lines.added} removed={lines.removed} />}
      </FoldLine>
      {open && <ToolBody item={item} cwd={cwd} />}
    </div>
  );
});

function ObjectText({ of }: { readonly of: ToolObject }) {
  if (of.is === "command") return <CommandText command={of.text} look="line" />;
  return (
    <span className={of.is === "path" ? "font-mono text-[0.95em] text-1" : "text-1"}>
      <HiddenText text={of.text} />
    </span>
  );
}

type AsideProps = { readonly item: ItemOf<"tool">; readonly state: ToolState; readonly asks: boolean };

function Aside({ item, state, asks }: AsideProps) {
  if (state === "pending") {
    return asks ? (
      <span className="shrink-0 text-sm text-attention-ink">{t("transcript.tool.waiting")}</span>
    ) : null;
  }
  const over = isFinal(item.call) || item.cut_off;
  // What took no time says nothing of it.
  if (over && Date.parse(item.until) - Date.parse(item.at) < 100) return null;
  return (
    <span className="shrink-0 text-sm text-3">
      <Elapsed since={item.at} until={over ? item.until : null} />
    </span>
  );
}
