/** The attempts: each a process of the agent, with its end. */
import type { ProcessExit } from "@/api/gen";
import { t } from "@/i18n";
import { exact, instant } from "@/i18n/format";
import type { Attempt } from "./attempts";

export function Attempts({ attempts }: { readonly attempts: readonly Attempt[] }) {
  if (attempts.length === 0) return <p className="text-2">{t("facts.attempts.none")}</p>;
  return (
    <ol className="flex flex-col">
      {attempts.map((attempt) => (
        <li
          key={attempt.number}
          className="flex flex-wrap gap-x-4 gap-y-0.5 border-b border-line py-1.5 last:border-0"
        >
          <span className="font-medium">{t("facts.attempts.number", { number: attempt.number })}</span>
          <span className="text-2">{factsOf(attempt)}</span>
          <span className="w-full text-2">{endOf(attempt)}</span>
        </li>
      ))}
    </ol>
  );
}

function factsOf({ started_at, worker, pid, how }: Attempt): string {
  const started = instant(started_at);
  return [
    started === null ? null : t("facts.attempts.started", { time: exact(started) }),
    worker === null ? null : t("facts.attempts.on", { worker }),
    pid === null ? null : t("facts.attempts.pid", { pid: String(pid) }),
    how === null ? null : t("facts.attempts.how", { how }),
  ]
    .filter(Boolean)
    .join(", ");
}

function endOf({ ended, failed }: Attempt): string {
  if (failed !== null) return failed.failure.summary;
  if (ended === null) return t("facts.attempts.runs");
  const { by, detail, agent } = ended.exit;
  const process = agent === undefined ? null : exitOf(agent);
  return t("facts.attempts.ended", { exit: [detail ?? by, process].filter(Boolean).join(", ") });
}

function exitOf({ code, signal }: ProcessExit): string | null {
  if (typeof signal === "number") return t("facts.attempts.signal", { signal: String(signal) });
  return typeof code === "number" ? t("facts.attempts.code", { code: String(code) }) : null;
}
