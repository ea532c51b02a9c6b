/** Answers a permission request with one of the agent's options. The first answer of anybody counts. */
import { decidePermission as decide, type PermissionDecided } from "@/api/gen";
import type { Store } from "@/sync/store";
import { run, type Outcome } from "./run";

export function decidePermission(
  store: Store,
  session: string,
  request: string,
  option: string,
): Promise<Outcome<PermissionDecided>> {
  return run(store, {
    session,
    wanted: { kind: "decide", request, option },
    send: (headers) => decide({ path: { id: session, request }, body: { option_id: option }, headers }),
    session_of: (reply) => reply.session,
  });
}
