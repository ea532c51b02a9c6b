/** Sends a prompt that waits now: it goes first, and the turn that runs is cancelled for it. */
import { cancelTurn } from "@/api/gen";
import type { Store } from "@/sync/store";
import { moveQueueEntry } from "./move-queue-entry";
import { run, type Outcome } from "./run";

/** The running turn was over before it could be cancelled: what is next has its turn anyway. */
const OVER = new Set(["nothing_running", "not_that_turn"]);

export async function sendQueuedNow(store: Store, session: string, turn: string): Promise<Outcome<unknown>> {
  const running = store.get().list.sessions.get(session)?.turn?.id;
  const moved = await moveQueueEntry(store, session, turn, 1);
  if (!moved.ok || running === undefined) return moved;
  const cancelled = await run(store, {
    session,
    wanted: { kind: "cancel" },
    send: (headers) => cancelTurn({ path: { id: session }, body: { turn: running }, headers }),
    session_of: (reply) => reply,
  });
  return cancelled.ok || !OVER.has(cancelled.problem.code) ? cancelled : moved;
}
