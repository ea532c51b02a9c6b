/** Changes the text of a prompt that waits. If it was taken in the meantime the server says so, and the text is the caller's to keep. */
import { editQueueEntry as edit, type QueueChanged } from "@/api/gen";
import type { Store } from "@/sync/store";
import { run, type Outcome } from "./run";

export function editQueueEntry(
  store: Store,
  session: string,
  turn: string,
  text: string,
): Promise<Outcome<QueueChanged>> {
  const content = [{ type: "text" as const, text }];
  return run(store, {
    session,
    wanted: { kind: "edit_queued", turn, content },
    send: (headers) => edit({ path: { id: session, entry: turn }, body: { content }, headers }),
    session_of: (reply) => reply.session,
  });
}
