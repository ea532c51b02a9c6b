/** Cancels the turn that runs. */
import { cancelTurn as cancel, type Session } from "@/api/gen";
import type { Store } from "@/sync/store";
import { run, type Outcome } from "./run";

export function cancelTurn(store: Store, session: string): Promise<Outcome<Session>> {
  return run(store, {
    session,
    wanted: { kind: "cancel" },
    send: (headers) => cancel({ path: { id: session }, body: {}, headers }),
    session_of: (reply) => reply,
  });
}
