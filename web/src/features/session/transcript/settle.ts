/** Goes to a place in the list and stays on it until what is there has its height: some frames, then it is done. */
import type { Virtualizer } from "@tanstack/react-virtual";

type Settle = {
  readonly scroller: HTMLElement | null;
  readonly virtualizer: Virtualizer<HTMLDivElement, HTMLElement>;
  /** The row to go to; `null`: the end. */
  readonly index: () => number | null;
  /** How far below the upper edge it shall stand. */
  readonly top: number;
  readonly done: () => void;
};

/** So many frames in a row without a correction are rest, and so many in all are enough. */
const STILL = 3;
const MOST = 40;

/** Answers with what stops it. */
export function settle({ scroller, virtualizer, index, top, done }: Settle): () => void {
  if (scroller === null) return () => undefined;
  let still = 0;
  let frames = 0;
  let next = 0;
  const aim = () => {
    const at = index();
    if (at === null) virtualizer.scrollToEnd();
    else virtualizer.scrollToIndex(at, { align: "start" });
    return at;
  };
  const step = () => {
    frames += 1;
    const at = index();
    const off = at === null ? gap(scroller) : offBy(scroller, at, top);
    if (off === null) {
      still = 0;
      aim();
    } else if (Math.abs(off) <= 0.5) still += 1;
    else {
      still = 0;
      virtualizer.cancelScroll();
      const was = scroller.scrollTop;
      scroller.scrollTop += off;
      // The end of the list may be nearer than the place: then this is as near as it gets.
      if (Math.abs(scroller.scrollTop - was) < 1) still += 1;
    }
    if (still >= STILL || frames >= MOST) done();
    else next = requestAnimationFrame(step);
  };
  aim();
  next = requestAnimationFrame(step);
  return () => cancelAnimationFrame(next);
}

function gap(scroller: HTMLElement): number {
  return scroller.scrollHeight - scroller.clientHeight - scroller.scrollTop;
}

/** How far a row is from where it shall be; `null` if it is not in the page. */
function offBy(scroller: HTMLElement, index: number, top: number): number | null {
  const row = scroller.querySelector(`[data-index="${index}"]`);
  if (row === null) return null;
  return row.getBoundingClientRect().top - scroller.getBoundingClientRect().top - top;
}
