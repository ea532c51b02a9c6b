/** Stands in for "shiki/langs", which would bring hundreds of grammars into the build (see vite.config.ts). */
import { languages } from "./languages";

export const bundledLanguages = languages;
export const bundledLanguagesBase = languages;
export const bundledLanguagesAlias = {};
export const bundledLanguagesInfo = [];
