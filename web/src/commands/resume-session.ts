/** Starts the agent of a session again, without a prompt. */
import type { Session } from "@/api/gen";
import { client } from "@/api/gen/client.gen";
import type { Store } from "@/sync/store";
import { run, type Outcome } from "./run";

export function resumeSession(store: Store, session: string): Promise<Outcome<Session>> {
  return run(store, {
    session,
    wanted: { kind: "resume" },
    send: (headers) =>
      client.post<{ 200: Session }>({
        url: "/v1/sessions/{id}/resume",
        path: { id: session },
        body: {},
        headers: { "Content-Type": "application/json", ...headers },
      }),
    session_of: (reply) => reply,
  });
}
