/** Takes back a prompt that waits. */
import { dropQueueEntry as drop, type QueueChanged } from "@/api/gen";
import type { Store } from "@/sync/store";
import { run, type Outcome } from "./run";

export function dropQueueEntry(store: Store, session: string, turn: string): Promise<Outcome<QueueChanged>> {
  return run(store, {
    session,
    wanted: { kind: "drop_queued", turn },
    send: (headers) => drop({ path: { id: session, entry: turn }, headers }),
    session_of: (reply) => reply.session,
  });
}
