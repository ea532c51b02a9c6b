import { describe, expect, it } from "vitest";
import { countChanged } from "./count-lines";

describe("countChanged", () => {
  it("counts what was added and removed", () => {
    expect(countChanged("a\nb\nc\n", "a\nx\ny\nc\n")).toMatchObject({ added: 2, removed: 1, changed: 3 });
  });
  it("counts lines that stay between changes as unchanged", () => {
    expect(countChanged("1\na\n2\nb\n3\n", "9\na\n8\nb\n7\n")).toMatchObject({
      added: 3,
      removed: 3,
      changed: 6,
    });
  });
  it("counts a new file as added", () => {
    expect(countChanged("", "a\nb\n")).toMatchObject({ added: 2, removed: 0, changed: 2 });
  });
  it("says nothing of what is the same", () => {
    expect(countChanged("a\n", "a\n").changed).toBe(0);
  });
});
