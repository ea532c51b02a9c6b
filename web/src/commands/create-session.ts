/** Makes a session, with its first prompt or idle. */
import { createSession as create, type CreateSession, type CreatedSession } from "@/api/gen";
import { newKey } from "@/api/client";
import type { Store } from "@/sync/store";
import { run, type Outcome } from "./run";

export function createSession(store: Store, body: CreateSession): Promise<Outcome<CreatedSession>> {
  const prompt = typeof body.prompt === "string" ? body.prompt : "";
  const title = body.title ?? prompt.split("\n", 1)[0] ?? "";
  return run(store, {
    // It has no id yet; nothing else is called like this.
    session: `new:${newKey()}`,
    wanted: { kind: "create", title, agent: body.agent ?? "", cwd: body.cwd ?? "" },
    send: (headers) => create({ body, headers }),
    session_of: (reply) => reply.session,
  });
}
