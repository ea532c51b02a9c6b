/** Makes another session that goes on with the conversation of one. That one stays as it is. */
import { forkSession as fork, type CreatedSession } from "@/api/gen";
import type { Store } from "@/sync/store";
import { run, type Outcome } from "./run";

/** Without a prompt the new session waits idle. */
export function forkSession(store: Store, session: string, prompt: string): Promise<Outcome<CreatedSession>> {
  const body = prompt.trim() === "" ? {} : { prompt };
  return run(store, {
    session,
    wanted: { kind: "fork" },
    send: (headers) => fork({ path: { id: session }, body, headers }),
    session_of: (reply) => reply.session,
  });
}
