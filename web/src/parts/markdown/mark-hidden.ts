/** Finds characters that act without being seen in parsed text, and puts a mark in their place. Code is left as it is. */
import { segments, type Segment } from "@/lib/hidden";

/** As much of a syntax tree's node as is needed here. */
type Node = {
  readonly type: string;
  readonly tagName?: string;
  readonly value?: string;
  readonly properties?: Readonly<Record<string, unknown>>;
  children?: Node[];
};
type Hidden = Extract<Segment, { hidden: string }>;

/** A plugin for rehype. */
export function markHidden(): (tree: Node) => void {
  return visit;
}

function visit(node: Node): void {
  if (node.tagName === "pre" || node.children === undefined) return;
  if (!node.children.some((child) => child.type === "text" || child.children !== undefined)) return;
  node.children = node.children.flatMap((child) => {
    if (child.type !== "text" || child.value === undefined) {
      visit(child);
      return [child];
    }
    return segments(child.value).map((piece): Node =>
      "text" in piece
        ? { type: "text", value: piece.text }
        : {
            type: "element",
            tagName: "mark",
            properties: { hidden: piece.hidden, code: piece.code },
            children: [],
          },
    );
  });
}

/** The mark that a node stands for. */
export function markOf(
  node: { readonly properties?: Readonly<Record<string, unknown>> } | undefined,
): Hidden | null {
  const hidden = node?.properties?.hidden;
  const code = node?.properties?.code;
  if (typeof code !== "string") return null;
  return hidden === "bidi" || hidden === "control" || hidden === "invisible" ? { hidden, code } : null;
}
