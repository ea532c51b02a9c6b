/** The facts of a session: why it is in its state, what runs where, what it may do, what it has used. */
import { useCallback } from "react";
import { PlaceLink } from "@/bind/nav";
import { useQuestion } from "@/bind/questions";
import { useSelect } from "@/bind/store";
import { t } from "@/i18n";
import { exact, instant } from "@/i18n/format";
import { Badge } from "@/parts/badge";
import { CopyButton } from "@/parts/copy-button";
import { Section } from "@/parts/page";
import { Path } from "@/parts/path";
import { TokensAndCost } from "@/parts/tokens-and-cost";
import type { State } from "@/store/state";
import type { Event, Session } from "@/store/types";
import { evidence } from "../head/evidence";
import type { TabProps } from "../session-tabs";
import { attemptsOf } from "./attempts";
import { Attempts } from "./attempts-list";
import { Fact, Facts } from "./facts";

const none: readonly Event[] = [];

/** A page of its own. */
export function FactsTab({ session }: TabProps) {
  const health = useQuestion("health", [session.id]);
  const runner =
    health.is !== "ready"
      ? t("shared.unknown")
      : health.data.runner_connected
        ? t("facts.state.connected")
        : t("facts.state.not_connected");
  return (
    <div className="@container mx-auto flex w-full max-w-4xl flex-col gap-6 p-4 pb-16">
      <FactsBody session={session} runner={runner} />
    </div>
  );
}

type FactsBodyProps = {
  readonly session: Session;
  /** Whether its runner is heard; absent where nobody asked. */
  readonly runner?: string;
};

export function FactsBody({ session, runner }: FactsBodyProps) {
  const events = useSelect(
    useCallback((state: State) => state.logs.get(session.id)?.events ?? none, [session.id]),
  );
  const { workspace, usage, capabilities } = session;
  return (
    <>
      <Section title={t("facts.state.title")}>
        <Facts>
          <Fact name={t("facts.state.badge")}>
            <Badge badge={session.badge} state={session.state} archived={session.archived} />
          </Fact>
          <Fact name={t("facts.state.why")}>{evidence(session, Date.now()) || t("shared.unknown")}</Fact>
          {session.failure?.hint ? <Fact name={t("facts.state.hint")}>{session.failure.hint}</Fact> : null}
          {session.failure?.bundle ? (
            <Fact name={t("facts.state.bundle")}>
              <Path path={session.failure.bundle} />
            </Fact>
          ) : null}
          {runner === undefined ? null : <Fact name={t("facts.state.runner")}>{runner}</Fact>}
          {session.stop_step === null || session.state !== "stopped" ? null : (
            <Fact name={t("facts.state.step")}>{t(`session.step.${session.stop_step}`)}</Fact>
          )}
          <Fact name={t("facts.state.containment")}>{session.containment ?? t("shared.none")}</Fact>
        </Facts>
      </Section>
      <Section title={t("facts.where.title")}>
        <Facts>
          <Fact name={t("facts.where.directory")}>
            <Path path={workspace?.cwd ?? session.cwd} />
          </Fact>
          {workspace?.worktree_of ? (
            <Fact name={t("facts.where.worktree_of")}>
              <Path path={workspace.worktree_of} />
            </Fact>
          ) : null}
          {session.branch === null ? null : <Fact name={t("facts.where.branch")}>{session.branch}</Fact>}
          {workspace?.base ? <Fact name={t("facts.where.base")}>{workspace.base.slice(0, 12)}</Fact> : null}
          <Fact name={t("facts.where.worker")}>{session.worker ?? t("shared.none")}</Fact>
        </Facts>
      </Section>
      <Section title={t("facts.agent.title")}>
        <Facts>
          <Fact name={t("facts.agent.name")}>
            {[session.agent_title ?? session.agent, session.agent_version].filter(Boolean).join(" ")}
          </Fact>
          <Fact name={t("facts.agent.permissions")}>
            {t(`facts.permissions.${session.effective_permissions}`)}
          </Fact>
          {session.config_options.map((option) => (
            <Fact key={option.id} name={option.name}>
              {String(option.value)}
            </Fact>
          ))}
          {session.agent_session_id === null ? null : (
            <Fact name={t("facts.agent.session")}>
              <Copied text={session.agent_session_id} />
            </Fact>
          )}
        </Facts>
        {capabilities === null ? null : (
          <details>
            <summary className="tap cursor-default text-2">{t("facts.agent.capabilities")}</summary>
            <pre tabIndex={0} className="mt-2 overflow-auto rounded-md bg-surface-1 p-2 font-mono text-sm">
              {JSON.stringify(capabilities, null, 2)}
            </pre>
          </details>
        )}
      </Section>
      <Section title={t("facts.attempts.title")}>
        <Attempts attempts={attemptsOf(events)} />
      </Section>
      <Section title={t("facts.ids.title")}>
        <Facts>
          <Fact name={t("facts.ids.session")}>
            <Copied text={session.id} />
          </Fact>
          <Fact name={t("facts.ids.thread")}>
            <Copied text={session.thread_id} />
          </Fact>
          {session.forked_from === null ? null : (
            <Fact name={t("facts.ids.fork")}>
              <PlaceLink
                place={{ to: "session", id: session.forked_from.session, at: session.forked_from.seq }}
                className="font-mono text-sm"
              >
                {session.forked_from.session}
              </PlaceLink>
            </Fact>
          )}
          {session.context_lost_at === null ? null : (
            <Fact name={t("facts.ids.context_lost")}>{exact(instant(session.context_lost_at) ?? 0)}</Fact>
          )}
          <Fact name={t("facts.ids.created")}>{exact(instant(session.created_at) ?? 0)}</Fact>
          <Fact name={t("facts.ids.events")}>{String(session.seq)}</Fact>
          <Fact name={t("facts.ids.usage")}>
            <TokensAndCost usage={usage} agent={session.agent} look="full" />
          </Fact>
          {Object.entries(session.labels).map(([name, value]) => (
            <Fact key={name} name={t("facts.ids.label", { name })}>
              {String(value)}
            </Fact>
          ))}
        </Facts>
      </Section>
    </>
  );
}

function Copied({ text }: { readonly text: string }) {
  return (
    <span className="inline-flex max-w-full items-center gap-1">
      <code className="truncate font-mono text-sm">{text}</code>
      <CopyButton text={text} />
    </span>
  );
}
