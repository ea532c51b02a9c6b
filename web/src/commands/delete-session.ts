/** Deletes a session and its log for good. It leaves the list when the server tells that it is gone. */
import { deleteSession as remove, type Deleted, type WorktreeFate } from "@/api/gen";
import type { Store } from "@/sync/store";
import { run, type Outcome } from "./run";

/** `worktree` is what becomes of the worktree that was made for it, if one was. */
export function deleteSession(
  store: Store,
  session: string,
  worktree: WorktreeFate = "remove",
): Promise<Outcome<Deleted>> {
  return run(store, {
    session,
    wanted: { kind: "delete" },
    send: (headers) => remove({ path: { id: session }, body: { worktree }, headers }),
    session_of: () => null,
  });
}
