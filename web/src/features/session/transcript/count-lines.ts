/** How many lines a change adds and removes, without comparing what is long: that is done where it is shown. */
export type LineCount = { readonly added: number; readonly removed: number; readonly changed: number };

/** Where a change stands in its file, in lines. */
export type LinePlace = {
  /** Lines above the first changed one and below the last, the same on both sides. */
  readonly above: number;
  readonly below: number;
  /** Lines between them that are the same. */
  readonly between: number;
};

/** Beyond so many lines on a side both sides count whole. */
const MOST = 400;

export function countChanged(before: string, after: string): LineCount & LinePlace {
  const old = linesOf(before);
  const now = linesOf(after);
  let start = 0;
  while (start < old.length && start < now.length && old[start] === now[start]) start += 1;
  let oldEnd = old.length;
  let nowEnd = now.length;
  while (oldEnd > start && nowEnd > start && old[oldEnd - 1] === now[nowEnd - 1]) {
    oldEnd -= 1;
    nowEnd -= 1;
  }
  const left = old.slice(start, oldEnd);
  const right = now.slice(start, nowEnd);
  const same = left.length > MOST || right.length > MOST ? 0 : common(left, right);
  const added = right.length - same;
  const removed = left.length - same;
  const place = { above: start, below: now.length - nowEnd, between: same };
  return { added, removed, changed: added + removed, ...place };
}

/** The length of the longest common subsequence. */
function common(a: readonly string[], b: readonly string[]): number {
  let row = new Array<number>(b.length + 1).fill(0);
  for (const line of a) {
    const next = [0];
    for (let at = 0; at < b.length; at += 1) {
      next.push(line === b[at] ? (row[at] ?? 0) + 1 : Math.max(row[at + 1] ?? 0, next[at] ?? 0));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

function linesOf(text: string): readonly string[] {
  if (text === "") return [];
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}
