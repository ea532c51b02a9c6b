/** How a test of an agent ended. */
import type { AgentTest } from "@/api/gen";
import { t } from "@/i18n";
import { duration } from "@/i18n/format";
import { ProblemNote } from "@/parts/problem-note";
import type { Problem } from "@/store/types";

export type Tested =
  | { readonly is: "not" | "running" }
  | { readonly is: "refused"; readonly problem: Problem }
  | { readonly is: "done"; readonly test: AgentTest };

export function TestResult({ tested }: { readonly tested: Tested }) {
  switch (tested.is) {
    case "not":
      return null;
    case "running":
      return <p role="status">{t("agents.testing")}</p>;
    case "refused":
      return <ProblemNote problem={tested.problem} />;
    case "done":
      return tested.test.ok ? <Worked test={tested.test} /> : <Failed test={tested.test} />;
  }
}

function Worked({ test }: { readonly test: AgentTest }) {
  const took = (test.initialize_ms ?? 0) + (test.session_ms ?? 0);
  return (
    <p role="status" className="text-good-ink">
      {t("agents.tested", { worker: test.worker, took: duration(took) })}
    </p>
  );
}

function Failed({ test }: { readonly test: AgentTest }) {
  const { summary = "", hint, code, kind = "unknown_failure" } = test.failure ?? {};
  return (
    <ProblemNote problem={{ detail: summary, hint, code: code ?? kind }}>
      {test.stderr ? (
        <pre
          tabIndex={0}
          className="max-h-48 w-full overflow-auto rounded-md bg-surface-0 p-2 font-mono text-sm"
        >
          {test.stderr}
        </pre>
      ) : null}
    </ProblemNote>
  );
}
