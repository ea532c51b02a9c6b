/** Compares two texts off the main thread. */
import { parseDiffFromFile, type FileDiffMetadata } from "@pierre/diffs";

export type Comparison = {
  readonly path: string;
  readonly before: string | null;
  readonly after: string | null;
};
export type Compared = { readonly diff: FileDiffMetadata };

self.addEventListener("message", (event: MessageEvent<Comparison>) => {
  const { path, before, after } = event.data;
  // Agents tell of the lines that they replace: where both sides end without a line break, that is nothing to tell.
  const cut = [before, after].every((text) => text !== null && text !== "" && !text.endsWith("\n"));
  const file = (contents: string | null) =>
    contents === null ? null : { name: path, contents: cut ? `${contents}\n` : contents };
  const compared: Compared = { diff: parseDiffFromFile(file(before), file(after)) };
  self.postMessage(compared);
});
