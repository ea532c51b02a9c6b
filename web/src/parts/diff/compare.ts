/** Asks a worker to compare two texts. One worker for each comparison: they are short and rare. */
import type { FileDiffMetadata } from "@pierre/diffs";
import type { Compared, Comparison } from "./compare.worker";
import CompareWorker from "./compare.worker?worker";

/** Answers once; `stop` ends a comparison that nobody waits for any more. */
export function compare(
  what: Comparison,
  done: (diff: FileDiffMetadata | null) => void,
): { readonly stop: () => void } {
  const worker = new CompareWorker();
  const end = (diff: FileDiffMetadata | null) => {
    worker.terminate();
    done(diff);
  };
  worker.addEventListener("message", (event: MessageEvent<Compared>) => end(event.data.diff));
  worker.addEventListener("error", (event) => {
    event.preventDefault();
    end(null);
  });
  worker.postMessage(what);
  return { stop: () => worker.terminate() };
}
