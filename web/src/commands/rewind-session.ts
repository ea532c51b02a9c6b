/** Takes the conversation of a session back to before one of its prompts. What came since stays in its log. */
import { rewindSession as rewind, type RewoundSession } from "@/api/gen";
import type { Store } from "@/sync/store";
import { run, type Outcome } from "./run";

/** `turn` began with the prompt. `seen` is the last event that somebody has seen: if there is a later one nothing is done. */
export function rewindSession(
  store: Store,
  session: string,
  turn: string,
  seen: number,
): Promise<Outcome<RewoundSession>> {
  return run(store, {
    session,
    wanted: { kind: "rewind", turn },
    send: (headers) => rewind({ path: { id: session }, body: { turn, expected_seq: seen }, headers }),
    session_of: (reply) => reply,
  });
}
