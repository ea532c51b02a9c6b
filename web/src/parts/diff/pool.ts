/** The worker that colors diffs, one for the page, started with the first diff. Its colors are our tokens. */
import { createCSSVariablesTheme, registerCustomTheme } from "@pierre/diffs";
import { getOrCreateWorkerPoolSingleton } from "@pierre/diffs/worker";
import DiffWorker from "@pierre/diffs/worker/worker.js?worker";

export const THEME = "convene";

registerCustomTheme(THEME, () =>
  Promise.resolve(createCSSVariablesTheme({ name: THEME, variablePrefix: "--code-", fontStyle: false })),
);

export function pool() {
  return getOrCreateWorkerPoolSingleton({
    poolOptions: { workerFactory: () => new DiffWorker(), poolSize: 1 },
    highlighterOptions: { theme: THEME, preferredHighlighter: "shiki-js", lineDiffType: "word" },
  });
}
