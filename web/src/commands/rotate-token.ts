/** Gives a token a new secret; the old one works on for a grace period. */
import { rotateToken as rotate, type CreatedToken, type RotateToken } from "@/api/gen";
import type { Store } from "@/sync/store";
import { runAlone, type Outcome } from "./run";

export function rotateToken(
  store: Store,
  token: string,
  body: RotateToken = {},
): Promise<Outcome<CreatedToken>> {
  return runAlone(store, (headers) => rotate({ path: { id: token }, body, headers }));
}
