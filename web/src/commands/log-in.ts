/** Signs this browser in with the token of a login link, which came in the address's fragment or was pasted. */
import { answer, newKey } from "@/api/client";
import { logIn as send } from "@/api/gen";
import type { Outcome } from "./run";

/** Takes a whole login link, its fragment, or the token alone. A link works once, so it is tried once. */
export function logIn(pasted: string): Promise<Outcome<unknown>> {
  const headers = { "Idempotency-Key": newKey() };
  return answer<unknown>(send({ body: { token: tokenOf(pasted) }, headers }));
}

/** The same for the address of this page, out of which it is taken: it would stay in the history. `null` if there is none. */
export async function logInFromAddress(): Promise<Outcome<unknown> | null> {
  const token = new URLSearchParams(location.hash.slice(1)).get("t");
  if (!token) return null;
  history.replaceState(history.state, "", location.pathname + location.search);
  return logIn(token);
}

export function tokenOf(pasted: string): string {
  const text = pasted.trim();
  const at = text.indexOf("#");
  return at === -1 ? text : (new URLSearchParams(text.slice(at + 1)).get("t") ?? text);
}
