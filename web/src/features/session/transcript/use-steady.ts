/** If the row at the upper edge went into another one, the next that is still there keeps its place instead. */
import { useLayoutEffect, useRef, type RefObject } from "react";
import type { Virtualizer } from "@tanstack/react-virtual";
import type { Row } from "@/store/rows";
import type { Scroll } from "./scroll";

export function useSteady(
  rows: readonly Row[],
  state: Scroll,
  virtualizer: Virtualizer<HTMLDivElement, HTMLElement>,
  scroller: RefObject<HTMLDivElement | null>,
): void {
  const seen = useRef<readonly { readonly id: string; readonly top: number }[]>([]);
  const before = useRef(rows);
  useLayoutEffect(() => {
    const box = scroller.current;
    const changed = before.current !== rows;
    before.current = rows;
    if (box !== null && changed && state.mode === "reading") {
      const [edge] = seen.current;
      const places = new Map(rows.map((row, at) => [row.id, at]));
      const next = seen.current.find(({ id }) => places.has(id));
      if (edge !== undefined && next !== undefined && next !== edge) {
        const start = virtualizer.getOffsetForIndex(places.get(next.id) ?? 0, "start")?.[0] ?? 0;
        virtualizer.scrollToOffset(start - next.top);
      }
    }
    const offset = virtualizer.scrollOffset ?? 0;
    seen.current = virtualizer
      .getVirtualItems()
      .filter((item) => item.end > offset)
      .map((item) => ({ id: String(item.key), top: item.start - offset }));
  });
}
