/** What changed in a file, as it comes from the server, and why it is better folded at first. */

/** A patch of one file, or the text before (`null`: a new file) and after (`null`: deleted). */
export type Change =
  | { readonly is: "patch"; readonly patch: string }
  | { readonly is: "texts"; readonly before: string | null; readonly after: string | null };

export type FoldReason =
  | { readonly is: "many_lines"; readonly lines: number }
  | { readonly is: "large"; readonly bytes: number }
  | { readonly is: "generated" };

const MANY_LINES = 500;
const LARGE = 256_000;

const locks = new Set([
  "bun.lock",
  "bun.lockb",
  "cargo.lock",
  "composer.lock",
  "deno.lock",
  "flake.lock",
  "gemfile.lock",
  "go.sum",
  "npm-shrinkwrap.json",
  "package-lock.json",
  "packages.lock.json",
  "pipfile.lock",
  "pnpm-lock.yaml",
  "poetry.lock",
  "pubspec.lock",
  "uv.lock",
  "yarn.lock",
]);
const generatedName =
  /\.(min\.(js|css)|map|gen\.[a-z]+|g\.dart|pb\.(go|cc|h)|designer\.cs|snap)$|_pb2(_grpc)?\.pyi?$/i;
const generatedPlace = /(^|\/)(__generated__|node_modules|vendor|dist)\//;

export function foldReason(path: string, change: Change): FoldReason | null {
  const name = (path.split("/").at(-1) ?? "").toLowerCase();
  if (locks.has(name) || generatedName.test(name) || generatedPlace.test(path)) return { is: "generated" };
  const bytes =
    change.is === "patch" ? change.patch.length : (change.before?.length ?? 0) + (change.after?.length ?? 0);
  if (bytes > LARGE) return { is: "large", bytes };
  if (change.is === "texts") return null;
  const { added, removed } = countPatch(change.patch);
  return manyLines(added + removed);
}

export function manyLines(lines: number): FoldReason | null {
  return lines > MANY_LINES ? { is: "many_lines", lines } : null;
}

/** Lines added and removed by a patch. */
export function countPatch(patch: string): { readonly added: number; readonly removed: number } {
  let added = 0;
  let removed = 0;
  let inHunk = false;
  for (const line of patch.split("\n")) {
    if (line.startsWith("@@")) inHunk = true;
    else if (line.startsWith("diff --git")) inHunk = false;
    else if (inHunk && line.startsWith("+")) added += 1;
    else if (inHunk && line.startsWith("-")) removed += 1;
  }
  return { added, removed };
}
