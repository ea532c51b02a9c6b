/** A dialog that asks the server for something: whether it is on its way, and what the server had against it. */
import { useState } from "react";
import type { Outcome } from "@/commands/run";
import type { Problem } from "@/store/types";

export type Asking = {
  readonly sending: boolean;
  readonly problem: Problem | null;
  /** Asks, if nothing is on its way; `null` if something is, or if it was refused. */
  readonly ask: <T>(command: () => Promise<Outcome<T>>) => Promise<NonNullable<T> | null>;
  readonly forgive: () => void;
};

export function useAsking(): Asking {
  const [sending, setSending] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  return {
    sending,
    problem,
    ask: async (command) => {
      if (sending) return null;
      setSending(true);
      setProblem(null);
      const done = await command();
      setSending(false);
      if (done.ok) return done.data;
      setProblem(done.problem);
      return null;
    },
    forgive: () => setProblem(null),
  };
}
