/** Starts an agent on a worker, asks it who it is, and ends it: whether it works, and why not. */
import { testAgent as test, type AgentTest } from "@/api/gen";
import type { Store } from "@/sync/store";
import { runAlone, type Outcome } from "./run";

export function testAgent(
  store: Store,
  agent: string,
  worker: string | null = null,
): Promise<Outcome<AgentTest>> {
  const body = worker === null ? {} : { worker };
  return runAlone(store, (headers) => test({ path: { name: agent }, body, headers }));
}
