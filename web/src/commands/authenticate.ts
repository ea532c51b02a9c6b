/** Lets the agent sign in by one of the ways that it announced. */
import { authenticate as send, type Session } from "@/api/gen";
import type { Store } from "@/sync/store";
import { run, type Outcome } from "./run";

export function authenticate(store: Store, session: string, method: string): Promise<Outcome<Session>> {
  return run(store, {
    session,
    wanted: { kind: "authenticate", method },
    send: (headers) => send({ path: { id: session }, body: { method_id: method }, headers }),
    session_of: (reply) => reply,
  });
}
