/** Puts a prompt that waits at another place; 1 is the next one. */
import { editQueueEntry, type QueueChanged } from "@/api/gen";
import type { Store } from "@/sync/store";
import { run, type Outcome } from "./run";

export function moveQueueEntry(
  store: Store,
  session: string,
  turn: string,
  position: number,
): Promise<Outcome<QueueChanged>> {
  return run(store, {
    session,
    wanted: { kind: "move_queued", turn, position },
    send: (headers) => editQueueEntry({ path: { id: session, entry: turn }, body: { position }, headers }),
    session_of: (reply) => reply.session,
  });
}
