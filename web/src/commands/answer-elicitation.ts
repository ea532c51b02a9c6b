/** Answers a question of the agent: with what its form asked for, or not at all. */
import { answerElicitation as send, type AnswerElicitation, type Session } from "@/api/gen";
import type { Store } from "@/sync/store";
import { run, type Outcome } from "./run";

export function answerElicitation(
  store: Store,
  session: string,
  request: string,
  body: AnswerElicitation,
): Promise<Outcome<Session>> {
  return run(store, {
    session,
    wanted: { kind: "answer", request },
    send: (headers) => send({ path: { id: session, request }, body, headers }),
    session_of: (reply) => reply,
  });
}
