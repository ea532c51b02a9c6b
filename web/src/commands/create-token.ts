/** Makes a token for a program. Its secret is in the reply and nowhere else. */
import { createToken as create, type CreatedToken, type CreateToken } from "@/api/gen";
import type { Store } from "@/sync/store";
import { runAlone, type Outcome } from "./run";

export function createToken(store: Store, body: CreateToken): Promise<Outcome<CreatedToken>> {
  return runAlone(store, (headers) => create({ body, headers }));
}
