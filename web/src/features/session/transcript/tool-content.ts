/** What a tool call brought: texts, changes of files, terminals; and whether its row opens by itself. */
import type { ToolCall } from "@/store/items";
import type { ContentBlock } from "@/store/types";
import { countChanged, type LineCount } from "./count-lines";
import type { ToolState } from "./tool-words";

export type ToolDiff = { readonly path: string; readonly before: string | null; readonly after: string };

/** Changes of this size open by themselves. */
const SHORT = 40;

const diffs = new WeakMap<object, readonly ToolDiff[]>();
const counts = new WeakMap<object, LineCount>();
const none: readonly ToolDiff[] = [];

/** The same objects for the same call, so that what shows them can tell. */
export function diffsOf({ content }: ToolCall): readonly ToolDiff[] {
  if (content === undefined) return none;
  const held = diffs.get(content);
  if (held !== undefined) return held;
  const found = content.flatMap((one) =>
    one.type === "diff" ? [{ path: one.path, before: one.old_text ?? null, after: one.new_text }] : [],
  );
  diffs.set(content, found);
  return found;
}

export function changedLines(call: ToolCall): LineCount {
  const found = diffsOf(call);
  const held = counts.get(found);
  if (held !== undefined) return held;
  let added = 0;
  let removed = 0;
  for (const { before, after } of found) {
    const count = countChanged(before ?? "", after);
    added += count.added;
    removed += count.removed;
  }
  const count = { added, removed, changed: added + removed };
  counts.set(found, count);
  return count;
}

/** What the viewer draws, in pixels: a line, what it has around all of them, and what stands for lines that it folds. */
const LINE = 20;
const AROUND = 16;
const FOLD = 52;
/** Lines around a change that are shown, and how few more are not worth a fold. */
const CONTEXT = 3;
const FEW = 2;

/** How high a change is likely to be drawn, in pixels. */
export function likelyDiffHeight({ before, after }: ToolDiff): number {
  const { changed, above, below, between } = countChanged(before ?? "", after);
  const same = [
    [above, CONTEXT],
    [between, 2 * CONTEXT],
    [below, CONTEXT],
  ] as const;
  const heights = same.map(([lines, shown]) => (lines <= shown + FEW ? LINE * lines : LINE * shown + FOLD));
  return heights.reduce((sum, height) => sum + height, LINE * changed + AROUND);
}

/** All text that it brought, in its order; blocks that are no text are told apart. */
export function outputOf(call: ToolCall): {
  readonly text: string;
  readonly others: readonly ContentBlock[];
} {
  const texts: string[] = [];
  const others: ContentBlock[] = [];
  for (const one of call.content ?? []) {
    if (one.type !== "content") continue;
    if (one.content.type === "text") texts.push(one.content.text);
    else others.push(one.content);
  }
  const text = texts.filter((each) => each !== "").join("\n");
  return { text: text === "" ? rawText(call.raw_output) : text, others };
}

/** What went in, as far as the line does not say it. */
export function inputOf(call: ToolCall): string {
  return call.raw_input === undefined || call.raw_input === null ? "" : pretty(call.raw_input);
}

/** A failure that came last, and a change that is quickly read. */
export function opensItself(call: ToolCall, state: ToolState, place: "last" | "before"): boolean {
  if (state === "failed") return place === "last";
  const { changed } = changedLines(call);
  return changed >= 1 && changed <= SHORT && state !== "rejected";
}

function rawText(raw: unknown): string {
  if (raw === undefined || raw === null) return "";
  return typeof raw === "string" ? raw : pretty(raw);
}

function pretty(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}
