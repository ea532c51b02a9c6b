/**
 * Keeps what is read where it is, to the pixel. The list corrects itself by what it reckons; here it is looked at: each time something
 * above may have changed, the row that was at the upper edge has to be where it was, but for what a person scrolled.
 */
import { useCallback, useLayoutEffect, useRef, type RefObject } from "react";
import { elementScroll, type Virtualizer, type VirtualizerOptions } from "@tanstack/react-virtual";
import type { Scroll } from "./scroll";

type List = Virtualizer<HTMLDivElement, HTMLElement>;

/** Rows in sight with their distances from the upper edge, and where the view was then. */
type Seen = {
  readonly lines: readonly { readonly id: string; readonly top: number }[];
  readonly scrollTop: number;
  /** How far the page itself had scrolled by then. */
  readonly own: number;
};

export type Steady = {
  /** How the list scrolls: what it does by itself is told from what a person does. */
  readonly scrollToFn: VirtualizerOptions<HTMLDivElement, HTMLElement>["scrollToFn"];
  /** The list, once it is there: it is told where the view is. */
  readonly watch: (list: List, mode: Scroll["mode"]) => void;
  /** Somebody scrolled, or a row has another height. */
  readonly look: () => void;
};

/** Less than that is not seen. */
const STILL = 0.5;

export function useSteady(scroller: RefObject<HTMLDivElement | null>): Steady {
  const own = useRef(0);
  const seen = useRef<Seen | null>(null);
  const reads = useRef<List | null>(null);

  const look = useCallback(() => {
    const box = scroller.current;
    const list = reads.current;
    if (box === null || list === null) {
      seen.current = null;
      return;
    }
    const held = seen.current;
    if (held !== null) {
      const byHand = box.scrollTop - held.scrollTop - (own.current - held.own);
      const off = offBy(box, held, byHand);
      if (off !== null && Math.abs(off) >= STILL) {
        const was = box.scrollTop;
        box.scrollTop += off;
        own.current += box.scrollTop - was;
        list.scrollOffset = box.scrollTop;
      }
    }
    seen.current = { lines: linesIn(box), scrollTop: box.scrollTop, own: own.current };
  }, [scroller]);

  const scrollToFn = useCallback<Steady["scrollToFn"]>(
    (offset, how, list) => {
      const was = scroller.current?.scrollTop ?? 0;
      elementScroll(offset, how, list);
      own.current += (scroller.current?.scrollTop ?? 0) - was;
      // What it scrolled for may not be drawn yet.
      if (reads.current !== null) queueMicrotask(look);
    },
    [scroller, look],
  );
  const watch = (list: List, mode: Scroll["mode"]) => {
    reads.current = mode === "reading" ? list : null;
  };
  useLayoutEffect(look);
  useLayoutEffect(() => {
    const rows = scroller.current?.querySelector("[data-rows]");
    if (!rows) return;
    // Later than the list's own observer, which was made first.
    const observer = new ResizeObserver(look);
    observer.observe(rows);
    return () => observer.disconnect();
  }, [scroller, look]);
  return { scrollToFn, watch, look };
}

/** How far the first row that is still there is from where it shall be. */
function offBy(box: HTMLElement, { lines }: Seen, byHand: number): number | null {
  const edge = box.getBoundingClientRect().top;
  for (const { id, top } of lines) {
    const row = box.querySelector(`article[data-id="${CSS.escape(id)}"]`);
    if (row !== null) return row.getBoundingClientRect().top - edge - (top - byHand);
  }
  return null;
}

function linesIn(box: HTMLElement): Seen["lines"] {
  const edge = box.getBoundingClientRect();
  const lines: { readonly id: string; readonly top: number }[] = [];
  for (const row of box.querySelectorAll<HTMLElement>("article[data-id]")) {
    const { top, bottom } = row.getBoundingClientRect();
    if (bottom <= edge.top) continue;
    if (top >= edge.bottom) break;
    lines.push({ id: row.dataset.id ?? "", top: top - edge.top });
  }
  return lines;
}
