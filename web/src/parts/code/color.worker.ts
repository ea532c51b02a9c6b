/** Colors code off the main thread: the first piece of a language takes long, and nobody shall wait for it. */
import { newColors, type Grammar, type Line } from "./color";
import type { Language } from "./languages";

export type ColorAsked = {
  readonly id: number;
  readonly code: string;
  readonly language: Language;
  /** With the first piece of a language. */
  readonly grammar: Grammar | null;
};
export type ColorAnswer = { readonly id: number; readonly lines: readonly Line[] | null };

const colors = newColors();

self.addEventListener("message", (event: MessageEvent<ColorAsked>) => {
  const { id, code, language, grammar } = event.data;
  let lines: readonly Line[] | null;
  try {
    lines = colors(code, language, grammar);
  } catch {
    // What its grammar cannot read is plain.
    lines = null;
  }
  const answer: ColorAnswer = { id, lines };
  self.postMessage(answer);
});
