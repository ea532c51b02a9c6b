/** Marks are set in text and never in code, which is copied as it is. */
import { expect, it } from "vitest";
import { markHidden, markOf } from "./mark-hidden";

type Node = {
  type: string;
  tagName?: string;
  value?: string;
  properties?: Record<string, unknown>;
  children?: Node[];
};

const text = (value: string): Node => ({ type: "text", value });

it("puts a mark where a character would turn the text", () => {
  const tree: Node = {
    type: "root",
    children: [{ type: "element", tagName: "p", children: [text("a\u202Eb")] }],
  };
  markHidden()(tree);
  const [, mark] = tree.children?.[0]?.children ?? [];
  expect(tree.children?.[0]?.children).toHaveLength(3);
  expect(markOf(mark)).toEqual({ hidden: "bidi", code: "202E" });
});

it("leaves code blocks to the code block", () => {
  const code: Node = { type: "element", tagName: "code", children: [text("a\u202Eb")] };
  const tree: Node = { type: "root", children: [{ type: "element", tagName: "pre", children: [code] }] };
  markHidden()(tree);
  expect(code.children).toEqual([text("a\u202Eb")]);
});

it("makes nothing of a mark that is none", () => {
  expect(markOf(undefined)).toBeNull();
  expect(markOf({ properties: { hidden: "other", code: "1" } })).toBeNull();
});
