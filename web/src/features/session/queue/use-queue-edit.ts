/** A prompt that waits, being edited. It may be taken meanwhile: then what was written is kept and said so. */
import { useCallback, useState } from "react";
import { editQueueEntry } from "@/commands/edit-queue-entry";
import { useSelect, useStore, useSync } from "@/bind/store";
import type { QueueItem } from "@/store/queue";
import type { State } from "@/store/state";
import { textOf } from "../transcript/turn-row";

type Held = {
  readonly turn: string;
  readonly text: string;
  /** Whether an earlier visit wrote it: whether the prompt still waits is seen when the log is here. */
  readonly from: "here" | "before";
};

/** What is being edited, held by whoever shows queue and composer, and kept as a draft until it is saved or dropped. */
export type QueueEdit = {
  readonly held: Held | null;
  readonly set: (held: Held | null) => void;
  readonly begin: (item: QueueItem) => void;
};

export function useEdit(session: string): QueueEdit {
  const { drafts } = useSync().browser;
  const key = `${session}.queued`;
  const [held, setHeld] = useState<Held | null>(() => {
    const kept = drafts.read(key);
    const turn = kept?.fields?.turn;
    return kept !== null && typeof turn === "string" ? { turn, text: kept.text, from: "before" } : null;
  });
  const set = (next: Held | null) => {
    setHeld(next);
    if (next === null) drafts.clear(key);
    else drafts.write(key, { text: next.text, caret: next.text.length, fields: { turn: next.turn } });
  };
  return {
    held,
    set,
    begin: (item) => {
      if (item.turn !== null) set({ turn: item.turn, text: textOf(item.content), from: "here" });
    },
  };
}

export type Editing =
  | { readonly is: "nothing" }
  | {
      readonly is: "editing" | "taken";
      readonly turn: string;
      readonly text: string;
      readonly write: (text: string) => void;
      readonly save: () => void;
      readonly stop: () => void;
    };

export function useQueueEdit(session: string, items: readonly QueueItem[], edit: QueueEdit): Editing {
  const store = useStore();
  const { held, set } = edit;
  const known = useSelect(
    useCallback((state: State) => state.logs.get(session)?.caught_up === true, [session]),
  );
  if (held === null || (held.from === "before" && !known)) return { is: "nothing" };
  const { turn, text } = held;
  const save = async () => {
    const item = items.find((one) => one.turn === turn);
    if (text.trim() === "") return;
    if (item !== undefined && textOf(item.content) === text) return set(null);
    const got = await editQueueEntry(store, session, turn, text);
    if (got.ok) set(null);
  };
  return {
    is: items.some((item) => item.turn === turn) ? "editing" : "taken",
    turn,
    text,
    write: (next) => set({ turn, text: next, from: "here" }),
    save: () => void save(),
    stop: () => set(null),
  };
}
