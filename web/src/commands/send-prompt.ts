/** Sends a prompt: it starts a turn, or waits in the queue while one runs. */
import { sendPrompt as send, type ContentBlock, type PromptAccepted, type PromptMode } from "@/api/gen";
import type { Store } from "@/sync/store";
import { run, type Outcome } from "./run";

/** `said` is text, or blocks where more than text is sent. */
export function sendPrompt(
  store: Store,
  session: string,
  said: string | readonly ContentBlock[],
  mode: PromptMode = "queue",
): Promise<Outcome<PromptAccepted>> {
  const content = typeof said === "string" ? [{ type: "text" as const, text: said }] : [...said];
  return run(store, {
    session,
    wanted: { kind: "prompt", content },
    send: (headers) => send({ path: { id: session }, body: { content, mode }, headers }),
    session_of: (reply) => reply.session,
  });
}
