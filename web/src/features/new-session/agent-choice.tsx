/** Which agent: those that can be started first; why the others cannot is one click away. */
import { useState } from "react";
import { PlaceLink } from "@/bind/nav";
import { t } from "@/i18n";
import type { Agent } from "@/store/types";
import { Button } from "@/ui/button";
import { RadioGroup, type RadioOption } from "@/ui/radio-group";

type AgentChoiceProps = {
  readonly agents: readonly Agent[];
  readonly value: string;
  readonly onChange: (agent: string) => void;
  readonly error: string | undefined;
};

export function AgentChoice({ agents, value, onChange, error }: AgentChoiceProps) {
  const [all, setAll] = useState(false);
  const ready = agents.filter((agent) => agent.installed);
  const others = agents.filter((agent) => !agent.installed);
  const shown = all ? [...ready, ...others] : ready;
  const options: RadioOption<string>[] = shown.map((agent) => ({
    id: agent.name,
    label: agent.title,
    note: noteOf(agent),
    disabled: !agent.installed,
  }));
  return (
    <fieldset className="flex flex-col gap-1">
      <legend className="mb-1 font-medium">{t("new.agent.label")}</legend>
      <RadioGroup
        label={t("new.agent.label")}
        options={options}
        value={value}
        onChange={onChange}
        look="cards"
      />
      <div className="flex items-center gap-3">
        {others.length > 0 ? (
          <Button look="quiet" size="sm" onClick={() => setAll(!all)} aria-expanded={all}>
            {all ? t("new.agent.fewer") : t("new.agent.others", { count: others.length })}
          </Button>
        ) : null}
        <PlaceLink place={{ to: "agents" }} className="text-sm text-accent-text underline">
          {t("new.agent.how")}
        </PlaceLink>
      </div>
      {error === undefined ? null : (
        <p role="alert" className="text-bad-ink">
          {error}
        </p>
      )}
    </fieldset>
  );
}

function noteOf(agent: Agent): string {
  const found = Object.values(agent.workers).find((worker) => worker.installed === agent.installed);
  if (!agent.installed) return found?.findings?.[0]?.summary ?? agent.install;
  const version = agent.version ?? "";
  if (agent.signed_in === true) return t("new.agent.ready", { version });
  if (found?.downloads === true) return t("new.agent.downloads", { version });
  return agent.signed_in === false
    ? t("new.agent.sign_in", { how: agent.sign_in })
    : t("new.agent.found", { version });
}
