/** One agent: how it is started, whether somebody is signed in, what it announced, and a test of it. */
import { useState } from "react";
import { useQuestion } from "@/bind/questions";
import { useStore } from "@/bind/store";
import { testAgent } from "@/commands/test-agent";
import { t } from "@/i18n";
import { CommandText } from "@/parts/command-text";
import { ProblemNote } from "@/parts/problem-note";
import { Said } from "@/parts/said";
import type { Agent } from "@/store/types";
import { Button } from "@/ui/button";
import { Announced } from "./announced";
import { TestResult, type Tested } from "./test-result";

export function AgentCard({ agent }: { readonly agent: Agent }) {
  const store = useStore();
  const [tested, setTested] = useState<Tested>({ is: "not" });
  const [open, setOpen] = useState(false);
  const details = useQuestion("agent", open ? [agent.name] : null);
  const test = async () => {
    setTested({ is: "running" });
    const got = await testAgent(store, agent.name);
    setTested(got.ok ? { is: "done", test: got.data } : { is: "refused", problem: got.problem });
  };
  return (
    <article
      aria-labelledby={`agent-${agent.name}`}
      className="flex flex-col gap-2 rounded-md border border-line p-3"
    >
      <header className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <h3 id={`agent-${agent.name}`} className="font-semibold">
          {agent.title}
        </h3>
        <code className="text-sm text-3">{agent.name}</code>
        <span className="text-sm text-3">{agent.version ?? ""}</span>
        <span className="flex-1" />
        {agent.installed ? (
          <Button size="sm" working={tested.is === "running"} onClick={() => void test()}>
            {t("agents.test")}
          </Button>
        ) : null}
      </header>
      <p className="text-2">
        <Said text={stateOf(agent)} />
      </p>
      <Findings agent={agent} />
      {agent.installed ? (
        <details onToggle={(event) => setOpen(event.currentTarget.open)}>
          <summary className="tap cursor-default text-2 hover:text-1">{t("agents.announced.label")}</summary>
          {details.is === "ready" ? <Announced announced={details.data.announced?.[0] ?? null} /> : null}
          {details.is === "problem" ? (
            <ProblemNote problem={details.problem} onRetry={details.again} />
          ) : null}
        </details>
      ) : null}
      <TestResult tested={tested} />
    </article>
  );
}

function stateOf(agent: Agent): string {
  const found = Object.entries(agent.workers).find(([, worker]) => worker.installed);
  if (found === undefined) return t("agents.state.missing");
  const [worker, { starts_with: how = "" }] = found;
  if (agent.signed_in === true) return t("agents.state.ready", { worker, how });
  if (agent.signed_in === false) return t("agents.state.sign_in", { worker, how: agent.sign_in });
  return t("agents.state.untried", { worker, how, sign_in: agent.sign_in });
}

/** What keeps it from being started, with its fix; a line that looks like a command can be copied. */
function Findings({ agent }: { readonly agent: Agent }) {
  if (agent.installed) return null;
  const findings = Object.values(agent.workers).flatMap((worker) => worker.findings ?? []);
  const command = /^(npm|npx|uv|uvx|pip|pipx|brew|curl|cargo) /.test(agent.install);
  return (
    <>
      {findings.map((finding) => (
        <p key={finding.code} className="text-2">
          {finding.summary}
        </p>
      ))}
      {command ? <CommandText command={agent.install} /> : <p className="text-2">{agent.install}</p>}
    </>
  );
}
