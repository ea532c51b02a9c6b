/** Marks what was found where it is drawn, without touching the page's elements, and knows where the chosen one stands. */
const ALL = "convene-find";
const ONE = "convene-found";

/** Marks all in sight; those of `chosen`'s row stand out. */
export function mark(
  box: HTMLElement,
  q: string,
  chosen: { readonly row: string; readonly nth: number } | null,
): void {
  const ranges: Range[] = [];
  let one: Range | null = null;
  for (const row of box.querySelectorAll<HTMLElement>("article[data-id]")) {
    const own = rangesIn(row, q);
    ranges.push(...own);
    if (chosen !== null && row.dataset.id === chosen.row) one = own[chosen.nth] ?? own.at(-1) ?? null;
  }
  if (!("highlights" in CSS)) return;
  CSS.highlights.set(ALL, new Highlight(...ranges));
  if (one === null) CSS.highlights.delete(ONE);
  else {
    const top = new Highlight(one);
    top.priority = 1;
    CSS.highlights.set(ONE, top);
  }
}

export function unmark(): void {
  if (!("highlights" in CSS)) return;
  CSS.highlights.delete(ALL);
  CSS.highlights.delete(ONE);
}

/** How far the chosen one is from where it is well seen; `null` if it is not drawn. */
export function offBy(box: HTMLElement, q: string, row: string, nth: number): number | null {
  const article = box.querySelector<HTMLElement>(`article[data-id="${CSS.escape(row)}"]`);
  const own = article === null ? [] : rangesIn(article, q);
  const range = own[nth];
  if (range === undefined) return null;
  const { top, bottom } = range.getBoundingClientRect();
  const edge = box.getBoundingClientRect();
  const margin = Math.min(96, edge.height / 4);
  if (top >= edge.top + margin && bottom <= edge.bottom - margin) return 0;
  return top - (edge.top + edge.height / 3);
}

/** All places of a text below an element, also where it runs over several pieces. */
function rangesIn(element: HTMLElement, q: string): Range[] {
  const wanted = q.toLowerCase();
  const nodes: { readonly node: Text; readonly from: number }[] = [];
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  let text = "";
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    if (!(node instanceof Text) || node.parentElement?.closest(".sr-only, button[aria-label]")) continue;
    nodes.push({ node, from: text.length });
    text += node.data;
  }
  const lower = text.toLowerCase();
  // Where letters change their number with their case places would be wrong.
  if (wanted === "" || lower.length !== text.length) return [];
  const ranges: Range[] = [];
  let piece = 0;
  for (let at = lower.indexOf(wanted); at !== -1; at = lower.indexOf(wanted, at + wanted.length)) {
    const end = at + wanted.length;
    const holds = (place: number) => {
      while ((nodes[piece + 1]?.from ?? Infinity) <= place) piece += 1;
      return nodes[piece];
    };
    const first = holds(at);
    const last = holds(end - 1);
    if (first === undefined || last === undefined) break;
    const range = document.createRange();
    range.setStart(first.node, at - first.from);
    range.setEnd(last.node, end - last.from);
    ranges.push(range);
  }
  return ranges;
}
