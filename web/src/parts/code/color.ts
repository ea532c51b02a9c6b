/** Colors code: the engine, and the grammars that it was given. Colors are names of tokens. */
import { createCssVariablesTheme, createHighlighterCoreSync, type LanguageRegistration } from "shiki/core";
import { createJavaScriptRegexEngine } from "shiki/engine/javascript";
import type { Language } from "./languages";

export type Piece = { readonly text: string; readonly color: string | undefined };
export type Line = readonly Piece[];
export type Grammar = readonly LanguageRegistration[];

/** Colors code of a language; with the grammar, if it was not given before. */
export type Colors = (code: string, language: Language, grammar: Grammar | null) => readonly Line[];

export function newColors(): Colors {
  const highlighter = createHighlighterCoreSync({
    themes: [createCssVariablesTheme({ name: "convene", variablePrefix: "--code-", fontStyle: false })],
    langs: [],
    engine: createJavaScriptRegexEngine({ forgiving: true }),
  });
  return (code, language, grammar) => {
    if (grammar !== null) highlighter.loadLanguageSync([...grammar]);
    const { tokens } = highlighter.codeToTokens(code, { lang: language, theme: "convene" });
    return tokens.map((line) => line.map(({ content, color }) => ({ text: content, color })));
  };
}
