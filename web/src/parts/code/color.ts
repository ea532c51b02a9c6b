/** Colors code, off the first load: the engine and each grammar come when they are needed. Colors are names of tokens. */
import type { HighlighterCore } from "shiki/core";
import { languages, type Language } from "./languages";

export type Piece = { readonly text: string; readonly color: string | undefined };
export type Line = readonly Piece[];

/** Longer code is shown plain: to color it would hold the page up. */
const LIMIT = 20_000;

let engine: Promise<HighlighterCore> | undefined;
const loaded = new Map<Language, Promise<void>>();

/** The lines of the code with their colors, or null where it stays plain. */
export async function colored(code: string, language: Language): Promise<readonly Line[] | null> {
  if (code.length > LIMIT) return null;
  const highlighter = await (engine ??= start());
  let ready = loaded.get(language);
  if (ready === undefined) {
    ready = languages[language]().then((grammar) => highlighter.loadLanguage(grammar.default));
    loaded.set(language, ready);
  }
  await ready;
  const { tokens } = highlighter.codeToTokens(code, { lang: language, theme: "convene" });
  return tokens.map((line) => line.map(({ content, color }) => ({ text: content, color })));
}

async function start(): Promise<HighlighterCore> {
  const [{ createHighlighterCore, createCssVariablesTheme }, { createJavaScriptRegexEngine }] =
    await Promise.all([import("shiki/core"), import("shiki/engine/javascript")]);
  return createHighlighterCore({
    themes: [createCssVariablesTheme({ name: "convene", variablePrefix: "--code-", fontStyle: false })],
    langs: [],
    engine: createJavaScriptRegexEngine({ forgiving: true }),
  });
}
