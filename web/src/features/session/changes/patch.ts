/** All changes as one patch that `git apply` takes. */
import type { FileChange } from "@/api/gen";

/** Files without a text of their change are left out. */
export function patchOf(files: readonly FileChange[]): string {
  const patches = files.flatMap((file) => (file.diff ? [file.diff] : []));
  return patches.map((patch) => (patch.endsWith("\n") ? patch : `${patch}\n`)).join("");
}
