/** The prompts of a session that wait, in the order in which they will be taken, with what was asked for and is on its way. */
import type { ItemOf } from "./items";
import type { Pending } from "./overlay";

export { willWait } from "./overlay";
import type { State } from "./state";
import { placeOf, type Transcript } from "./transcript";
import type { ContentBlock, SessionId, TurnId } from "./types";

export type QueueItem = {
  /** The turn it will be; for one that the server does not have yet, the key of its command. */
  readonly id: string;
  readonly turn: TurnId | null;
  readonly content: readonly ContentBlock[];
  readonly queued_at: string | null;
  /** What is on its way for it. */
  readonly doing: "nothing" | "sending" | "editing" | "moving" | "dropping";
};

/** The queue of an open session; empty if its log is not at its end. */
export function queueOf(state: State, session: SessionId): readonly QueueItem[] {
  const log = state.logs.get(session);
  if (!log?.live) return [];
  let items = log.transcript.queue.flatMap((turn) => {
    const prompt = promptOf(log.transcript, turn);
    return prompt ? [waiting(turn, prompt)] : [];
  });
  for (const command of state.pending) {
    if (command.session === session) items = withCommand(items, command);
  }
  return items;
}

function promptOf(transcript: Transcript, turn: TurnId): ItemOf<"prompt"> | null {
  const place = placeOf(transcript, `prompt:${turn}`);
  const item = place === null ? undefined : transcript.items[place];
  return item?.kind === "prompt" ? item : null;
}

function waiting(turn: TurnId, prompt: ItemOf<"prompt">): QueueItem {
  return { id: turn, turn, content: prompt.content, queued_at: prompt.at, doing: "nothing" };
}

function withCommand(items: readonly QueueItem[], command: Pending): QueueItem[] {
  switch (command.kind) {
    case "prompt": {
      const { key, content } = command;
      const sent: QueueItem = { id: key, turn: null, content, queued_at: null, doing: "sending" };
      return command.waits === true ? [...items, sent] : [...items];
    }
    case "edit_queued":
      return items.map((item) =>
        item.turn === command.turn ? { ...item, content: command.content, doing: "editing" } : item,
      );
    case "drop_queued":
      return items.map((item) => (item.turn === command.turn ? { ...item, doing: "dropping" } : item));
    case "move_queued": {
      const moved = items.find((item) => item.turn === command.turn);
      if (!moved) return [...items];
      const others = items.filter((item) => item !== moved);
      const place = Math.max(0, command.position - 1);
      return [...others.slice(0, place), { ...moved, doing: "moving" }, ...others.slice(place)];
    }
    default:
      return [...items];
  }
}
