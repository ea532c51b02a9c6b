/** Whether a prompt that waited does so no more. That is said only where it is known: what was written for it has then come too late. */
import type { Log } from "@/store/log";
import { placeOf } from "@/store/transcript";

/** A log that is not at its end knows of no queue, and one that is read anew may not have come to the prompt yet. */
export function hasLeft({ live, caught_up, transcript }: Log, turn: string): boolean {
  if (!live || transcript.queue.includes(turn)) return false;
  return caught_up || placeOf(transcript, `prompt:${turn}`) !== null;
}
