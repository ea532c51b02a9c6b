/** Puts an idle session to sleep: its agent is ended until there is a prompt. Whether it could be, comes as an event. */
import { hibernateSession as hibernate, type Session } from "@/api/gen";
import type { Store } from "@/sync/store";
import { run, type Outcome } from "./run";

/** `recap`: also one whose agent forgets; on waking it is told what was said. */
export function hibernateSession(store: Store, session: string, recap = false): Promise<Outcome<Session>> {
  return run(store, {
    session,
    wanted: { kind: "hibernate" },
    send: (headers) => hibernate({ path: { id: session }, body: { recap }, headers }),
    session_of: (reply) => reply,
  });
}
