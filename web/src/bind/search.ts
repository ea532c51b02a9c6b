/** Looks for a text in what a session said before, which this page does not hold. */
import type { Answer } from "@/api/problem";
import type { EventPage } from "@/api/gen";
import { searchEvents } from "@/sync/history";

export type Search = (
  session: string,
  q: string,
  before: number | null,
  signal: AbortSignal,
) => Promise<Answer<EventPage>>;

/** Only what a transcript shows is found. */
const TYPES = [
  "turn_queued",
  "message_appended",
  "tool_call_updated",
  "plan_updated",
  "permission_requested",
  "elicitation_requested",
  "attempt_failed",
  "log_note",
] as const;

export const searchOlder: Search = (session, q, before, signal) =>
  searchEvents(session, { q, before, types: TYPES }, signal);
