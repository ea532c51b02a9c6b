/** What keys do in the transcript: go to its ends, from row to row and turn to turn, open and close. */
import type { RefObject } from "react";
import type { Virtualizer } from "@tanstack/react-virtual";
import type { Action } from "@/bind/actions";
import { t } from "@/i18n";
import type { Store } from "@/sync/store";
import type { Folds } from "./folds";
import type { Listed } from "./listed";
import type { MovedHere } from "./scroll";
import type { Window } from "./use-rows";

type FeedActionsInput = {
  readonly list: Listed;
  readonly virtualizer: Virtualizer<HTMLDivElement, HTMLElement>;
  readonly move: (moved: MovedHere) => void;
  readonly folds: Folds;
  readonly scroller: RefObject<HTMLDivElement | null>;
  readonly store: Store;
  readonly session: string;
  readonly window: Window;
};

export function feedActions(input: FeedActionsInput): readonly Action[] {
  const { list, virtualizer, move, folds, scroller } = input;
  const group = t("transcript.action.group");
  const one = (id: string, name: string, keys: string, perform: () => void): Action => ({
    id: `transcript.${id}`,
    name,
    group,
    keys: [keys],
    perform,
  });
  return [
    one("start", t("transcript.action.start"), "g", () => move({ is: "to_row", id: null, seq: 1, top: 44 })),
    one("end", t("transcript.action.end"), "Shift+G", () => move({ is: "to_end" })),
    one("up", t("transcript.action.up"), "u", () => {
      const offset = virtualizer.scrollOffset ?? 0;
      const starts = list.rows.flatMap((row, index) =>
        row.kind === "turn"
          ? [{ id: row.id, seq: row.seq, start: virtualizer.getOffsetForIndex(index, "start")?.[0] ?? 0 }]
          : [],
      );
      const above = starts.findLast(({ start }) => start < offset - 8);
      if (above !== undefined) move({ is: "to_row", id: above.id, seq: above.seq, top: 0 });
    }),
    one("next", t("transcript.action.next"), "j", () => step(scroller.current, 1)),
    one("previous", t("transcript.action.previous"), "k", () => step(scroller.current, -1)),
    one("toggle", t("transcript.action.toggle"), "o", () => {
      rowInFocus()?.querySelector<HTMLElement>("[data-fold]")?.click();
    }),
    one("toggle_all", t("transcript.action.toggle_all"), "Shift+O", () => {
      const row = rowInFocus();
      const fold = row?.querySelector("[data-fold]");
      const kind = row?.dataset.row;
      if (fold && kind !== undefined) folds.setAll(kind, fold.getAttribute("aria-expanded") !== "true");
    }),
  ];
}

function rowInFocus(): HTMLElement | null {
  return document.activeElement?.closest<HTMLElement>("article[data-row]") ?? null;
}

/** The focus goes from row to row; from nowhere it goes to the first or the last in sight. */
function step(box: HTMLElement | null, by: 1 | -1): void {
  if (box === null) return;
  const rows = [...box.querySelectorAll<HTMLElement>("article[data-row]")];
  const now = rowInFocus();
  const edge = box.getBoundingClientRect();
  const inSight = rows.filter((row) => {
    const { top, bottom } = row.getBoundingClientRect();
    return bottom > edge.top && top < edge.bottom;
  });
  const next = now === null ? inSight.at(by === 1 ? 0 : -1) : rows[rows.indexOf(now) + by];
  next?.focus({ preventScroll: true });
  next?.scrollIntoView({ block: "nearest" });
}
