/** Stops a session: its agent and everything that it started are ended. */
import { stopSession as stop, type Session, type StopMode } from "@/api/gen";
import type { Store } from "@/sync/store";
import { run, type Outcome } from "./run";

export function stopSession(
  store: Store,
  session: string,
  mode: StopMode = "graceful",
): Promise<Outcome<Session>> {
  return run(store, {
    session,
    wanted: { kind: "stop", mode },
    send: (headers) => stop({ path: { id: session }, body: { mode }, headers }),
    session_of: (reply) => reply,
  });
}
