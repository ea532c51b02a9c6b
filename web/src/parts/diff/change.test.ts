/** What is folded, and what is counted. */
import { describe, expect, it } from "vitest";
import { countPatch, foldReason, manyLines } from "./change";

const patch = (lines: number) => ({
  is: "patch" as const,
  patch: `--- a/x\n+++ b/x\n@@ -1,0 +1,${lines} @@\n${"+line\n".repeat(lines)}`,
});

describe("foldReason", () => {
  it("shows what is short", () => {
    expect(foldReason("src/login.rs", patch(500))).toBeNull();
    expect(foldReason("src/login.rs", { is: "texts", before: null, after: "x" })).toBeNull();
  });
  it("folds more than 500 changed lines", () => {
    expect(foldReason("src/login.rs", patch(501))).toEqual({ is: "many_lines", lines: 501 });
    expect(manyLines(500)).toBeNull();
  });
  it("folds what is large", () => {
    expect(
      foldReason("a.txt", { is: "texts", before: "x".repeat(200_000), after: "y".repeat(60_000) }),
    ).toEqual({
      is: "large",
      bytes: 260_000,
    });
  });
  it.each([
    "Cargo.lock",
    "web/package-lock.json",
    "app.min.js",
    "api/client.gen.ts",
    "src/__generated__/a.ts",
    "x/foo_pb2.py",
  ])("folds %s, which is generated", (path) => {
    expect(foldReason(path, patch(1))).toEqual({ is: "generated" });
  });
  it.each(["src/distance/x.rs", "lock.rs", "src/map.ts", "vendored.rs"])(
    "does not take %s for generated",
    (path) => {
      expect(foldReason(path, patch(1))).toBeNull();
    },
  );
});

it("counts the lines of hunks and not their heads", () => {
  expect(countPatch("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,3 @@\n a\n-b\n+c\n+++d\n")).toEqual({
    added: 2,
    removed: 1,
  });
});
