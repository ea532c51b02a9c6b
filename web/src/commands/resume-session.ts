/** Starts the agent of a session again, without a prompt. */
import { resumeSession as resume, type Session } from "@/api/gen";
import type { Store } from "@/sync/store";
import { run, type Outcome } from "./run";

export function resumeSession(store: Store, session: string): Promise<Outcome<Session>> {
  return run(store, {
    session,
    wanted: { kind: "resume" },
    send: (headers) => resume({ path: { id: session }, headers }),
    session_of: (reply) => reply,
  });
}
