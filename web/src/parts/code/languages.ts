/** The languages that code is colored in. Twenty, each loaded when it is met; all others are shown plain. */
import type { LanguageRegistration } from "shiki/core";

type Load = () => Promise<{ default: LanguageRegistration[] }>;

export const languages = {
  c: () => import("shiki/langs/c.mjs"),
  csharp: () => import("shiki/langs/csharp.mjs"),
  css: () => import("shiki/langs/css.mjs"),
  diff: () => import("shiki/langs/diff.mjs"),
  docker: () => import("shiki/langs/docker.mjs"),
  go: () => import("shiki/langs/go.mjs"),
  html: () => import("shiki/langs/html.mjs"),
  java: () => import("shiki/langs/java.mjs"),
  javascript: () => import("shiki/langs/javascript.mjs"),
  json: () => import("shiki/langs/json.mjs"),
  kotlin: () => import("shiki/langs/kotlin.mjs"),
  markdown: () => import("shiki/langs/markdown.mjs"),
  php: () => import("shiki/langs/php.mjs"),
  python: () => import("shiki/langs/python.mjs"),
  rust: () => import("shiki/langs/rust.mjs"),
  shellscript: () => import("shiki/langs/shellscript.mjs"),
  sql: () => import("shiki/langs/sql.mjs"),
  toml: () => import("shiki/langs/toml.mjs"),
  tsx: () => import("shiki/langs/tsx.mjs"),
  yaml: () => import("shiki/langs/yaml.mjs"),
} as const satisfies Record<string, Load>;

export type Language = keyof typeof languages;

/** Other names, as they stand after a fence or at the end of a file's name. Close relatives share a grammar. */
const others: Readonly<Record<string, Language>> = {
  bash: "shellscript",
  "c++": "c",
  "c#": "csharp",
  cc: "c",
  cjs: "javascript",
  console: "shellscript",
  cpp: "c",
  cs: "csharp",
  cts: "tsx",
  cxx: "c",
  dockerfile: "docker",
  golang: "go",
  h: "c",
  hpp: "c",
  htm: "html",
  js: "javascript",
  json5: "json",
  jsonc: "json",
  jsonl: "json",
  jsx: "tsx",
  kt: "kotlin",
  kts: "kotlin",
  less: "css",
  md: "markdown",
  mdx: "markdown",
  mjs: "javascript",
  mts: "tsx",
  patch: "diff",
  py: "python",
  py3: "python",
  pyi: "python",
  rs: "rust",
  scss: "css",
  sh: "shellscript",
  shell: "shellscript",
  "shell-session": "shellscript",
  svelte: "html",
  svg: "html",
  ts: "tsx",
  typescript: "tsx",
  vue: "html",
  xhtml: "html",
  xml: "html",
  yml: "yaml",
  zsh: "shellscript",
};

const names: Readonly<Record<string, Language>> = {
  dockerfile: "docker",
  containerfile: "docker",
  "cargo.lock": "toml",
  ".bashrc": "shellscript",
  ".zshrc": "shellscript",
  ".profile": "shellscript",
};

/** The grammar for a name after a fence, or null for plain text. */
export function languageOf(name: string): Language | null {
  const lower = name.toLowerCase();
  if (isLanguage(lower)) return lower;
  return Object.hasOwn(others, lower) ? (others[lower] ?? null) : null;
}

/** The grammar for a file, by its name alone. */
export function languageOfFile(path: string): Language | null {
  const name = (path.split(/[\\/]/).at(-1) ?? "").toLowerCase();
  if (Object.hasOwn(names, name)) return names[name] ?? null;
  const dot = name.lastIndexOf(".");
  return dot > 0 ? languageOf(name.slice(dot + 1)) : null;
}

function isLanguage(name: string): name is Language {
  return Object.hasOwn(languages, name);
}
