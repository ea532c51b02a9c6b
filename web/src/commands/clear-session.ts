/** Begins the conversation of a session anew: its log stays, its agent remembers nothing. */
import { clearSession as clear, type Session } from "@/api/gen";
import type { Store } from "@/sync/store";
import { run, type Outcome } from "./run";

export function clearSession(store: Store, session: string): Promise<Outcome<Session>> {
  return run(store, {
    session,
    wanted: { kind: "clear" },
    send: (headers) => clear({ path: { id: session }, headers }),
    session_of: (reply) => reply,
  });
}
