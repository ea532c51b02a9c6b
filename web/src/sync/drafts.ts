/**
 * What was typed and not sent: per session, and `new` for a new one. Written at each pause of the typing, told to other tabs, and
 * taken away only when a send was confirmed.
 */
import { keptKeys, readKept, writeKept } from "./kept";
import type { Tabs } from "./tabs";

const PREFIX = "convene.draft.";
const FILES = `${PREFIX}files.`;
const PAUSE_MS = 300;

export type Draft = {
  readonly text: string;
  /** Where the caret stands in it. */
  readonly caret: number;
  /** How far the field is scrolled. */
  readonly scroll?: number;
  /** What else a form holds beside its text. */
  readonly fields?: Readonly<Record<string, unknown>>;
};

/** What goes with a draft and is too long for its field. */
export type DraftFile = { readonly name: string; readonly text: string };

export type Drafts = {
  readonly read: (of: string) => Draft | null;
  /** Kept after a pause of the typing; an empty text without fields keeps nothing. */
  readonly write: (of: string, draft: Draft) => void;
  /** A send was confirmed. What goes with it is let go by `keepFiles`. */
  readonly clear: (of: string) => void;
  readonly files: (of: string) => readonly DraftFile[];
  /** Kept at once. They may be long, so they are not written with each pause, nor told to other tabs. */
  readonly keepFiles: (of: string, files: readonly DraftFile[]) => void;
  /** Calls back when another tab has written: with `null` when it has sent it. */
  readonly listen: (of: string, then: (draft: Draft | null) => void) => () => void;
  /** Writes at once what waits for a pause. */
  readonly flush: () => void;
  readonly clearAll: () => void;
};

export function newDrafts(tabs: Tabs): Drafts {
  const waiting = new Map<string, Draft>();
  /** What this tab knows, also where nothing may be kept. */
  const known = new Map<string, Draft | null>();
  let timer: ReturnType<typeof setTimeout> | undefined;

  const keep = (of: string, draft: Draft | null) => {
    const kept = draft === null || (draft.text === "" && draft.fields === undefined) ? null : draft;
    known.set(of, kept);
    writeKept(PREFIX + of, kept);
    tabs.tell({ is: "draft", of, draft: kept });
  };
  const flush = () => {
    clearTimeout(timer);
    for (const [of, draft] of waiting) keep(of, draft);
    waiting.clear();
  };
  tabs.listen((told) => {
    if (told.is !== "draft") return;
    waiting.delete(told.of);
    known.set(told.of, told.draft);
  });
  return {
    read: (of) => {
      const typed = waiting.get(of) ?? known.get(of);
      return typed === undefined ? asDraft(readKept(PREFIX + of)) : typed;
    },
    write: (of, draft) => {
      waiting.set(of, draft);
      clearTimeout(timer);
      timer = setTimeout(flush, PAUSE_MS);
    },
    files: (of) => {
      const kept = readKept(FILES + of);
      return Array.isArray(kept) ? kept.filter(isFile) : [];
    },
    keepFiles: (of, files) => writeKept(FILES + of, files.length === 0 ? null : files),
    clear: (of) => {
      waiting.delete(of);
      keep(of, null);
    },
    listen: (of, then) =>
      tabs.listen((told) => {
        if (told.is !== "draft" || told.of !== of) return;
        then(told.draft);
      }),
    flush,
    clearAll: () => {
      waiting.clear();
      known.clear();
      clearTimeout(timer);
      for (const key of keptKeys(PREFIX)) writeKept(key, null);
    },
  };
}

export function asDraft(value: unknown): Draft | null {
  if (typeof value !== "object" || value === null || !("text" in value)) return null;
  if (typeof value.text !== "string") return null;
  const caret = "caret" in value && typeof value.caret === "number" ? value.caret : value.text.length;
  const scroll = "scroll" in value && typeof value.scroll === "number" ? { scroll: value.scroll } : {};
  const fields =
    "fields" in value && typeof value.fields === "object" && value.fields !== null
      ? { fields: { ...value.fields } }
      : {};
  return { text: value.text, caret, ...scroll, ...fields };
}

function isFile(value: unknown): value is DraftFile {
  if (typeof value !== "object" || value === null) return false;
  return (
    "name" in value && typeof value.name === "string" && "text" in value && typeof value.text === "string"
  );
}
