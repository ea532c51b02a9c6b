/** Closes what was cut short in a session's log. A repair only appends. */
import { repairSession as repair, type RepairedSession } from "@/api/gen";
import type { Store } from "@/sync/store";
import { run, type Outcome } from "./run";

/** `force`: also if the session did not end by a crash. */
export function repairSession(
  store: Store,
  session: string,
  force: boolean,
): Promise<Outcome<RepairedSession>> {
  return run(store, {
    session,
    wanted: { kind: "repair" },
    send: (headers) => repair({ path: { id: session }, body: { force }, headers }),
    session_of: (reply) => reply,
  });
}
