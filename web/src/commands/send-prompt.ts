/** Sends a prompt: it starts a turn, or waits in the queue while one runs. */
import { sendPrompt as send, type PromptAccepted, type PromptMode } from "@/api/gen";
import type { Store } from "@/sync/store";
import { run, type Outcome } from "./run";

export function sendPrompt(
  store: Store,
  session: string,
  text: string,
  mode: PromptMode = "queue",
): Promise<Outcome<PromptAccepted>> {
  const content = [{ type: "text" as const, text }];
  return run(store, {
    session,
    wanted: { kind: "prompt", content },
    send: (headers) => send({ path: { id: session }, body: { content, mode }, headers }),
    session_of: (reply) => reply.session,
  });
}
