/** What has no events and is asked for when somebody looks: agents in full, doctor, tokens, settings, directories, changes. */
import { answer, newKey } from "@/api/client";
import {
  getAgent,
  getConfig,
  getSessionChanges,
  getSessionHealth,
  getStatus,
  listDirectories,
  listTokens,
  repairSession,
  runDoctor,
} from "@/api/gen";

export const questions = {
  agent: (name: string) => answer(getAgent({ path: { name } })),
  changes: (id: string) => answer(getSessionChanges({ path: { id } })),
  config: () => answer(getConfig()),
  directories: (worker: string, prefix: string) =>
    answer(listDirectories({ path: { worker }, query: { prefix } })),
  doctor: () => answer(runDoctor()),
  /** What is wrong with a log as of one event, and what a repair would append. It changes nothing. */
  examination: (id: string, force: boolean, _seq: number) => {
    const headers = { "Idempotency-Key": newKey() };
    return answer(repairSession({ path: { id }, body: { dry_run: true, force }, headers }));
  },
  health: (id: string) => answer(getSessionHealth({ path: { id } })),
  status: () => answer(getStatus()),
  tokens: () => answer(listTokens({ query: { limit: 500 } })),
} as const;
