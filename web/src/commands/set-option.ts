/** Sets one of the agent's settings, its model and its mode among them, as it names them. */
import { patchSession, type PatchSession, type Session } from "@/api/gen";
import type { Store } from "@/sync/store";
import { run, type Outcome } from "./run";

/** `option` is the id of one of the session's `config_options`, or `model` or `mode`. */
export function setOption(
  store: Store,
  session: string,
  option: string,
  value: unknown,
): Promise<Outcome<Session>> {
  return run(store, {
    session,
    wanted: { kind: "set", option, value },
    send: (headers) => patchSession({ path: { id: session }, body: change(option, value), headers }),
    session_of: (reply) => reply,
  });
}

function change(option: string, value: unknown): PatchSession {
  // These two go by names of their own, so that a session without an agent takes them, too.
  if (typeof value === "string" && (option === "model" || option === "mode")) return { [option]: value };
  return { config: { [option]: value } };
}
