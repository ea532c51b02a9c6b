/** Ends a token: whoever shows it is refused from now on. */
import { revokeToken as revoke } from "@/api/gen";
import type { Store } from "@/sync/store";
import { runAlone, type Outcome } from "./run";

export function revokeToken(store: Store, token: string): Promise<Outcome<unknown>> {
  return runAlone(store, (headers) => revoke({ path: { id: token }, headers }));
}
