/** Says who answers permission requests from now on. */
import { patchSession, type PermissionMode, type Session } from "@/api/gen";
import type { Store } from "@/sync/store";
import { run, type Outcome } from "./run";

export function setPermissions(
  store: Store,
  session: string,
  mode: PermissionMode,
): Promise<Outcome<Session>> {
  return run(store, {
    session,
    wanted: { kind: "permissions", mode },
    send: (headers) => patchSession({ path: { id: session }, body: { permissions: mode }, headers }),
    session_of: (reply) => reply,
  });
}
