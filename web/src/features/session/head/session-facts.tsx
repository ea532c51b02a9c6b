/** Beside the title: with whom, where and how full it is. Each fact says what it is to those who listen. */
import { t } from "@/i18n";
import { ContextInUse } from "@/parts/tokens-and-cost";
import { HiddenText } from "@/parts/hidden-text";
import type { Session } from "@/store/types";
import { optionOf } from "../options/option-of";

export function SessionFacts({ session }: { readonly session: Session }) {
  const { agent, branch, worker, usage } = session;
  const model = optionOf(session, "model")?.label ?? null;
  return (
    <div className="flex min-w-0 shrink-[3] items-center gap-3 overflow-hidden text-3 phone:hidden">
      <Fact
        name={
          model === null
            ? t("session.head.agent", { agent })
            : t("session.head.agent_model", { agent, model })
        }
        text={model === null ? agent : `${agent} ${model}`}
      />
      {branch !== null && <Fact name={t("session.head.branch", { branch })} text={branch} />}
      {worker !== null && <Fact name={t("session.head.worker", { worker })} text={worker} />}
      <span className="shrink-0">
        <ContextInUse usage={usage} />
      </span>
    </div>
  );
}

function Fact({ name, text }: { readonly name: string; readonly text: string }) {
  return (
    <span title={name} className="max-w-48 truncate">
      <span className="sr-only">{name}</span>
      <span aria-hidden>
        <HiddenText text={text} />
      </span>
    </span>
  );
}
