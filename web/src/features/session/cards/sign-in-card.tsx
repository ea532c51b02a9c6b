/** The agent asks to sign in: the ways that it announced, each with what is to be done for it. */
import type { AuthMethod } from "@/api/gen";
import { authenticate } from "@/commands/authenticate";
import { useStore } from "@/bind/store";
import { t } from "@/i18n";
import { CommandText } from "@/parts/command-text";
import { HiddenText } from "@/parts/hidden-text";
import { ProblemNote } from "@/parts/problem-note";
import type { Kind } from "@/store/overlay";
import type { Session } from "@/store/types";
import { Button } from "@/ui/button";
import { usePending, useRefusals } from "../use-pending";
import { Card, type Walk } from "./card";
import { useInert } from "./use-inert";

type SignInCardProps = { readonly session: Session; readonly walk: Walk };

const HERE: readonly Kind[] = ["authenticate"];

export function SignInCard({ session, walk }: SignInCardProps) {
  const store = useStore();
  const { id, agent, worker, auth_methods: methods } = session;
  const state = useInert(methods.map((method) => method.id).join(" "));
  const refusals = useRefusals(id, HERE);
  const trying = usePending(id).flatMap((command) =>
    command.kind === "authenticate" ? [command.method] : [],
  );
  const go = (method: AuthMethod) => {
    if (state === "inert") return;
    for (const { command } of refusals) store.put({ is: "dismissed", key: command.key });
    void authenticate(store, id, method.id);
  };
  return (
    <Card
      icon="key"
      label={t("permission.sign_in.title", { agent })}
      walk={walk}
      title={
        <p>
          <span className="font-semibold">{t("permission.sign_in.title", { agent })}</span>
          {worker !== null && (
            <span className="ml-1.5 text-2">{t("permission.sign_in.worker", { worker })}</span>
          )}
        </p>
      }
    >
      {methods.length === 0 && <p>{t("permission.sign_in.none")}</p>}
      <ul className="flex flex-col gap-3">
        {methods.map((method) => (
          <li key={method.id} className="flex flex-col gap-1">
            <p>
              <span className="font-medium">
                <HiddenText text={method.name} />
              </span>
              {method.description !== undefined && (
                <span className="ml-1.5 text-2">
                  <HiddenText text={method.description} />
                </span>
              )}
            </p>
            <How method={method} worker={worker} />
            <Button
              size="sm"
              className="self-start phone:min-h-11"
              aria-disabled={state === "inert" || undefined}
              working={trying.includes(method.id)}
              onClick={() => go(method)}
            >
              {trying.includes(method.id) ? t("permission.sign_in.trying") : buttonOf(method)}
            </Button>
          </li>
        ))}
      </ul>
      {refusals.map(({ command, problem }) => (
        <ProblemNote
          key={command.key}
          problem={problem}
          onDismiss={() => store.put({ is: "dismissed", key: command.key })}
        />
      ))}
    </Card>
  );
}

function How({ method, worker }: { readonly method: AuthMethod; readonly worker: string | null }) {
  if (method.command !== undefined && method.command.length > 0) {
    return (
      <>
        <p className="text-2">
          {worker === null
            ? t("permission.sign_in.terminal_anywhere")
            : t("permission.sign_in.terminal", { worker })}
        </p>
        <CommandText command={method.command.map(quoted).join(" ")} />
      </>
    );
  }
  if (method.variables !== undefined && method.variables.length > 0) {
    return (
      <p className="text-2">{t("permission.sign_in.variables", { names: method.variables.join(", ") })}</p>
    );
  }
  return null;
}

function buttonOf({ kind, name, command, variables }: AuthMethod): string {
  if (kind === "terminal" || (command?.length ?? 0) > 0) return t("permission.sign_in.done");
  if (kind === "env_var" || (variables?.length ?? 0) > 0) return t("permission.sign_in.try_again");
  return t("permission.sign_in.by_agent", { name });
}

/** As it is typed into a shell. */
function quoted(part: string): string {
  return /^[\w@%+=:,./-]+$/.test(part) ? part : `'${part.replaceAll("'", `'\\''`)}'`;
}
