/** The words of the page: `t("area.path.to.key", {name})`, with keys and placeholders checked by the compiler. */
import { en } from "./en";

/** A sentence that depends on a number; the number comes as `count`. */
export type Plural = {
  readonly zero?: string;
  readonly one: string;
  readonly two?: string;
  readonly few?: string;
  readonly many?: string;
  readonly other: string;
};
type Leaf = string | Plural;
type Value = string | number;

type KeysOf<T> = {
  [K in keyof T & string]: T[K] extends Leaf ? K : `${K}.${KeysOf<T[K]>}`;
}[keyof T & string];
type At<T, K extends string> = K extends `${infer Head}.${infer Rest}`
  ? Head extends keyof T
    ? At<T[Head], Rest>
    : never
  : K extends keyof T
    ? T[K]
    : never;
type Names<S> = S extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never;
type NamesIn<L> = L extends string
  ? Names<L>
  : L extends Plural
    ? "count" | Names<L["one"] | L["other"]>
    : never;

/** Each key that there is. */
export type Key = KeysOf<typeof en>;
/** What the text of a key wants filled in. */
export type NamesFor<K extends Key> = NamesIn<At<typeof en, K>>;
export type VarsFor<K extends Key> = { readonly [N in NamesFor<K>]: N extends "count" ? number : Value };
type Args<K extends Key> = [NamesFor<K>] extends [never] ? [] : [vars: VarsFor<K>];

/** The language of the words; numbers and dates follow the browser's region within it. */
export const language = "en";
export const locale = regionOf(language, typeof navigator === "undefined" ? [] : navigator.languages);

let plurals: Intl.PluralRules | undefined;
const numbers = newNumbers();

/** Writes numbers as the region does. Small ones are written alike in all of them, and until another one comes nothing is made for it. */
export function newNumbers(options?: Intl.NumberFormatOptions): { readonly format: (n: number) => string } {
  let made: Intl.NumberFormat | undefined;
  return {
    format: (n) =>
      Number.isInteger(n) && n >= 0 && n < 1000
        ? String(n)
        : (made ??= new Intl.NumberFormat(locale, options)).format(n),
  };
}

/** The text of a key with its placeholders filled in. */
export function t<K extends Key>(key: K, ...args: Args<K>): string {
  const vars: Readonly<Record<string, Value>> = args[0] ?? {};
  return fill(template(key, vars.count), vars);
}

/** The text of a key as pieces: fixed text, and the names of what stands between. For sentences that hold elements. */
export function pieces(key: Key, count?: number): readonly ({ text: string } | { name: string })[] {
  return template(key, count)
    .split(/(\{\w+\})/)
    .filter((piece) => piece !== "")
    .map((piece) => (/^\{\w+\}$/.test(piece) ? { name: piece.slice(1, -1) } : { text: piece }));
}

/** The browser's own region of a language, so that an English page in Ireland writes Irish dates. */
export function regionOf(lang: string, wanted: readonly string[]): string {
  return wanted.find((tag) => tag === lang || tag.startsWith(`${lang}-`)) ?? lang;
}

const found = new Map<Key, unknown>();

function lookUp(key: Key): unknown {
  let at: unknown = en;
  for (const step of key.split(".")) at = isRecord(at) ? at[step] : undefined;
  found.set(key, at);
  return at;
}

function template(key: Key, count: Value | undefined): string {
  const at = found.get(key) ?? lookUp(key);
  if (typeof at === "string") return at;
  if (!isRecord(at)) return key;
  plurals ??= new Intl.PluralRules(language);
  const form = at[plurals.select(Number(count ?? 0))] ?? at.other;
  return typeof form === "string" ? form : key;
}

function fill(text: string, vars: Readonly<Record<string, Value>>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = vars[name];
    if (value === undefined) return whole;
    return typeof value === "number" ? numbers.format(value) : value;
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
