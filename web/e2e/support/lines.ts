/** Where the lines of a transcript stand, to the pixel: what tests of scrolling compare. */
import type { Page } from "playwright-core";

/** A row and how far its top is below the upper edge of the transcript. */
export type Line = { readonly id: string; readonly top: number };

/** The row at the upper edge. */
export function upperLine(page: Page): Promise<Line> {
  return page.evaluate(() => {
    const box = document.querySelector("[role=feed]");
    const edge = box?.getBoundingClientRect().top ?? 0;
    for (const row of box?.querySelectorAll<HTMLElement>("article[data-id]") ?? []) {
      const { top, bottom } = row.getBoundingClientRect();
      if (bottom > edge) return { id: row.dataset.id ?? "", top: top - edge };
    }
    throw new Error("no row is in sight");
  });
}

/** How far that row's top is now; `null` if it is not drawn. */
export function topOf(page: Page, id: string): Promise<number | null> {
  return page.evaluate((wanted) => {
    const box = document.querySelector("[role=feed]");
    const row = box?.querySelector(`article[data-id="${CSS.escape(wanted)}"]`);
    if (!box || !row) return null;
    return row.getBoundingClientRect().top - box.getBoundingClientRect().top;
  }, id);
}

/** From now on each frame is looked at: by how much what is read has moved in all, and at most within a frame. */
export async function watchMoves(page: Page): Promise<void> {
  await page.evaluate(() => {
    const box = document.querySelector("[role=feed]");
    if (!box) throw new Error("no transcript");
    let before = new Map<string, number>();
    const moved = { sum: 0, back: 0, frames: 0 };
    Object.assign(window, { moved });
    // Just before it is painted, after all that reacts to sizes: an observer that was made last is told last.
    const probe = document.createElement("div");
    Object.assign(probe.style, { position: "fixed", height: "1px", width: "1px", visibility: "hidden" });
    document.body.append(probe);
    const watch = new ResizeObserver(() => look());
    watch.observe(probe);
    const look = () => {
      const edge = box.getBoundingClientRect();
      const now = new Map<string, number>();
      for (const row of box.querySelectorAll<HTMLElement>("article[data-id]")) {
        now.set(row.dataset.id ?? "", row.getBoundingClientRect().top - edge.top);
      }
      // What is read: the first row that was wholly in sight.
      for (const [id, was] of before) {
        const is = now.get(id);
        if (was < 0 || was > edge.height || is === undefined) continue;
        moved.sum += is - was;
        moved.back = Math.min(moved.back, is - was);
        break;
      }
      moved.frames += 1;
      before = now;
    };
    const next = () => {
      probe.style.width = probe.style.width === "1px" ? "2px" : "1px";
      requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  });
}

/** How far what is read moved since, and the farthest it moved up within one frame. */
export function moves(page: Page): Promise<{ sum: number; back: number; frames: number }> {
  return page.evaluate(() => ({ sum: 0, back: 0, frames: 0, ...window.moved }));
}

/** When so many frames were drawn. */
export function frames(page: Page, count: number): Promise<void> {
  return page.evaluate(
    (wanted) =>
      new Promise<void>((then) => {
        const next = (left: number) => (left === 0 ? then() : requestAnimationFrame(() => next(left - 1)));
        next(wanted);
      }),
    count,
  );
}

declare global {
  interface Window {
    moved?: { readonly sum: number; readonly back: number; readonly frames: number };
  }
}
