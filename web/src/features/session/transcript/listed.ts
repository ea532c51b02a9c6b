/** The rows that stand in the list, told apart from those that only say what is before and after it. */
import type { ToolCall } from "@/store/items";
import type { Row } from "@/store/rows";
import { diffsOf, likelyDiffHeight, opensItself } from "./tool-content";

export type Listed = {
  readonly rows: readonly Row[];
  readonly before: "start" | "older";
  readonly after: "end" | "newer";
};

/** A head of a turn without its prompt goes when the prompt comes, so nobody's place may hang on it. */
export function listed(rows: readonly Row[]): Listed {
  const before = rows[0]?.kind === "older" ? "older" : "start";
  const after = rows.at(-1)?.kind === "newer" ? "newer" : "end";
  let from = rows[0]?.kind === "older" || rows[0]?.kind === "start" ? 1 : 0;
  const first = rows[from];
  if (first?.kind === "turn" && first.prompt === null) from += 1;
  return { rows: rows.slice(from, after === "newer" ? -1 : undefined), before, after };
}

/** How high a row is likely to be, before it was measured. */
export function likelyHeight(row: Row | undefined): number {
  switch (row?.kind) {
    case "turn":
    case "pending":
      return 76;
    case "message":
      return Math.min(4000, 24 + 21 * Math.ceil(row.item.text.length / 90));
    case "tool":
      return 32 + (opensItself(row.item.call, "done", "before") ? bodyHeight(row.item.call) : 0);
    default:
      return 32;
  }
}

/** The places line, and each change with the line of its path. */
function bodyHeight(call: ToolCall): number {
  return 36 + diffsOf(call).reduce((sum, diff) => sum + 36 + likelyDiffHeight(diff), 0);
}

/** How many rows came after an event: what is new to somebody who reads further up. */
export function countNew(rows: readonly Row[], left: number): number {
  let count = 0;
  for (let at = rows.length - 1; at >= 0; at -= 1) {
    const row = rows[at];
    if (!row || row.seq <= left) break;
    if (row.kind !== "new" && row.kind !== "refused") count += 1;
  }
  return count;
}
