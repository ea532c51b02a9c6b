/** Has code colored by a worker, one for the page, which is started when there is something to color. */
import type { Line } from "./color";
import type { ColorAnswer, ColorAsked } from "./color.worker";
import ColorWorker from "./color.worker?worker";
import { languages, type Language } from "./languages";

/** Longer code is shown plain: it would be long in the making, and long in the drawing. */
const LIMIT = 20_000;

let worker: Worker | null = null;
let count = 0;
const known = new Set<Language>();
const waiting = new Map<number, (lines: readonly Line[] | null) => void>();

/** The lines of the code with their colors, or null where it stays plain. */
export async function colored(code: string, language: Language): Promise<readonly Line[] | null> {
  if (code.length > LIMIT) return null;
  const grammar = known.has(language) ? null : (await languages[language]()).default;
  worker ??= started();
  const id = ++count;
  const asked: ColorAsked = { id, code, language, grammar: known.has(language) ? null : grammar };
  known.add(language);
  return new Promise((then) => {
    waiting.set(id, then);
    worker?.postMessage(asked);
  });
}

function started(): Worker {
  const made = new ColorWorker();
  made.addEventListener("message", ({ data }: MessageEvent<ColorAnswer>) => {
    waiting.get(data.id)?.(data.lines);
    waiting.delete(data.id);
  });
  made.addEventListener("error", (event) => {
    event.preventDefault();
    made.terminate();
    worker = null;
    known.clear();
    for (const then of waiting.values()) then(null);
    waiting.clear();
  });
  return made;
}
