/** Events become items: what was said and done, in the order of its beginning. */
import { Draft } from "./draft";
import type { Item, PlanEntry, TurnRecord } from "./items";
import { tell } from "./tell";
import type { Event, TurnId } from "./types";

export type { Item, ItemOf, PlanEntry, ToolCall, TurnRecord } from "./items";
export { placeOf } from "./places";

export type Transcript = {
  readonly items: readonly Item[];
  /** Hints of where items are, shared with the transcripts that this one was made from: ask `placeOf`. */
  readonly places: Map<string, number>;
  /** Messages of which more may come. */
  readonly open: readonly string[];
  readonly turns: ReadonlyMap<TurnId, TurnRecord>;
  /** Prompts that wait, in the order in which they will be taken. */
  readonly queue: readonly TurnId[];
  readonly plan: readonly PlanEntry[];
};

export const noTranscript: Transcript = {
  items: [],
  places: new Map(),
  open: [],
  turns: new Map(),
  queue: [],
  plan: [],
};

/** Adds events that follow those already in. Items that did not change stay the same objects. */
export function extend(transcript: Transcript, events: readonly Event[]): Transcript {
  if (events.length === 0) return transcript;
  const draft = new Draft(transcript);
  for (const event of events) tell(draft, event);
  return draft.done();
}
