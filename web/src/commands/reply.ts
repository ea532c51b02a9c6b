/** Replies that tell of a session beside other things, in some versions of the server and not in others. */
import type { Session } from "@/store/types";

export function sessionIn(reply: unknown): Session | null {
  if (typeof reply !== "object" || reply === null || !("session" in reply)) return null;
  return isSession(reply.session) ? reply.session : null;
}

function isSession(value: unknown): value is Session {
  return typeof value === "object" && value !== null && "id" in value && "pos" in value && "badge" in value;
}
