/** The agents that are known: which can be started, what they can do, and how the others are installed. */
import { sameItems, useSelect } from "@/bind/store";
import { t } from "@/i18n";
import { EmptyNote } from "@/parts/empty-note";
import { Page, Section } from "@/parts/page";
import type { State } from "@/store/state";
import type { Agent } from "@/store/types";
import { AgentCard } from "./agent-card";

const agentsOf = (state: State) => [...state.list.agents.values()].sort((a, b) => (a.name < b.name ? -1 : 1));

/** Config, not words: it is the same in every language. */
const EXAMPLE = '[agents.mine]\ncommand = ["node", "agent.js", "--acp"]\nenv = { KEY = "env:MY_KEY" }';

export function AgentsView() {
  const agents = useSelect(agentsOf, sameItems);
  const here = agents.filter((agent) => agent.installed);
  const others = agents.filter((agent) => !agent.installed);
  return (
    <Page title={t("agents.title")} note={t("agents.note")}>
      {here.length === 0 ? (
        <EmptyNote title={t("agents.empty.title")} note={t("agents.empty.note")} />
      ) : (
        <Section title={t("agents.here")}>
          <Cards agents={here} />
        </Section>
      )}
      {others.length === 0 ? null : (
        <Section title={t("agents.others.title")} note={t("agents.others.note")}>
          <Cards agents={others} />
        </Section>
      )}
      <Section title={t("agents.own.title")} note={t("agents.own.note")}>
        <pre tabIndex={0} className="overflow-x-auto rounded-md bg-surface-1 p-3 font-mono text-sm">
          {EXAMPLE}
        </pre>
      </Section>
    </Page>
  );
}

function Cards({ agents }: { readonly agents: readonly Agent[] }) {
  return (
    <ul className="flex flex-col gap-3">
      {agents.map((agent) => (
        <li key={agent.name}>
          <AgentCard agent={agent} />
        </li>
      ))}
    </ul>
  );
}
