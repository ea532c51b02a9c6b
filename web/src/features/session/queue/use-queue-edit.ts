/** A prompt that waits, being edited. It may be taken meanwhile: then what was written is kept and said so. */
import { useState } from "react";
import { editQueueEntry } from "@/commands/edit-queue-entry";
import { useStore } from "@/bind/store";
import type { QueueItem } from "@/store/queue";
import { textOf } from "../transcript/turn-row";

type Held = { readonly turn: string; readonly text: string };

/** What is being edited, held by whoever shows queue and composer. */
export type QueueEdit = {
  readonly held: Held | null;
  readonly set: (held: Held | null) => void;
  readonly begin: (item: QueueItem) => void;
};

export function useEdit(): QueueEdit {
  const [held, set] = useState<Held | null>(null);
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
  if (held === null) return { is: "nothing" };
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
    write: (next) => set({ turn, text: next }),
    save: () => void save(),
    stop: () => set(null),
  };
}
