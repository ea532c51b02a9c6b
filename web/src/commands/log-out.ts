/** Signs this browser out: its cookie is worth nothing from then on, wherever a copy of it is, and nothing stays in this browser. */
import { logOut as send } from "@/api/gen";
import type { Sync } from "@/sync/link";
import { runAlone, type Outcome } from "./run";

export async function logOut(sync: Pick<Sync, "store" | "forget">): Promise<Outcome<unknown>> {
  const done = await runAlone<unknown>(sync.store, (headers) => send({ headers }));
  // Whoever is not signed in any more has nothing to keep either.
  if (done.ok || done.problem.status === 401) await sync.forget();
  return done;
}
