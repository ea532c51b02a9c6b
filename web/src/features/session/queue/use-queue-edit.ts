/** A prompt that waits, being edited. It may be taken meanwhile: then what was written is kept and said so. */
import { useCallback, useState } from "react";
import { editQueueEntry } from "@/commands/edit-queue-entry";
import { useSelect, useStore, useSync } from "@/bind/store";
import type { QueueItem } from "@/store/queue";
import type { State } from "@/store/state";
import { textOf } from "../transcript/turn-row";
import { hasLeft } from "./has-left";

type Held = { readonly turn: string; readonly text: string };

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
    return kept !== null && typeof turn === "string" ? { turn, text: kept.text } : null;
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
      if (item.turn !== null) set({ turn: item.turn, text: textOf(item.content) });
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
  const left = useLeft(session, held?.turn ?? null);
  if (held === null) return { is: "nothing" };
  const { turn, text } = held;
  const waits = items.some((item) => item.turn === turn);
  if (!waits && !left) return { is: "nothing" };
  const save = async () => {
    const item = items.find((one) => one.turn === turn);
    if (text.trim() === "") return;
    if (item !== undefined && textOf(item.content) === text) return set(null);
    const got = await editQueueEntry(store, session, turn, text);
    if (got.ok) set(null);
  };
  return {
    is: waits ? "editing" : "taken",
    turn,
    text,
    write: (next) => set({ turn, text: next }),
    save: () => void save(),
    stop: () => set(null),
  };
}

function useLeft(session: string, turn: string | null): boolean {
  return useSelect(
    useCallback(
      (state: State) => {
        const log = state.logs.get(session);
        return log !== undefined && turn !== null && hasLeft(log, turn);
      },
      [session, turn],
    ),
  );
}
