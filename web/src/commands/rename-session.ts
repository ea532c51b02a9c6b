/** Gives a session another title. */
import { patchSession, type Session } from "@/api/gen";
import type { Store } from "@/sync/store";
import { run, type Outcome } from "./run";

export function renameSession(store: Store, session: string, title: string): Promise<Outcome<Session>> {
  return run(store, {
    session,
    wanted: { kind: "rename", title },
    send: (headers) => patchSession({ path: { id: session }, body: { title }, headers }),
    session_of: (reply) => reply,
  });
}
