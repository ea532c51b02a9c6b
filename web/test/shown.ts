/** What is to be the same in whatever order things came: all that can be seen, without the shortcuts that lead to it. */
import type { Log } from "@/store/log";
import type { State } from "@/store/state";
import type { Transcript } from "@/store/transcript";

export function shownTranscript({ items, turns, queue, plan, open }: Transcript) {
  return { items, turns: [...turns], queue, plan, open };
}

export function shownLog({ session, events, first, last, is, live, transcript }: Log) {
  const seqs = events.map((event) => event.seq);
  return { session, seqs, first, last, is, live, transcript: shownTranscript(transcript) };
}

export function shownState({ list, logs, pending, refusals }: State) {
  return {
    sessions: [...list.sessions].sort(([a], [b]) => (a < b ? -1 : 1)),
    threads: [...list.threads],
    pos: list.pos,
    logs: [...logs.values()].map(shownLog),
    pending,
    refusals,
  };
}
