/** The patch that is copied is one that can be applied. */
import { expect, test } from "vitest";
import type { FileChange } from "@/api/gen";
import { patchOf } from "./patch";

const file = (path: string, diff: string | null): FileChange => ({
  path,
  diff,
  status: "modified",
  committed: false,
});

test("holds each file's patch on lines of its own, and nothing of those without one", () => {
  const files = [file("a", "--- a\n+++ a"), file("picture.png", null), file("b", "--- b\n+++ b\n")];
  expect(patchOf(files)).toBe("--- a\n+++ a\n--- b\n+++ b\n");
});
