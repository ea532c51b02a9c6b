/** A permission that the agent asks for: what exactly will happen, and the agent's own answers. */
import { useMemo } from "react";
import type { PermissionOption } from "@/api/gen";
import { decidePermission } from "@/commands/decide-permission";
import { useStore } from "@/bind/store";
import { t } from "@/i18n";
import { clock, instant } from "@/i18n/format";
import { CodeBlock } from "@/parts/code/code-block";
import { CommandText } from "@/parts/command-text";
import { Diff } from "@/parts/diff/diff";
import { HiddenText } from "@/parts/hidden-text";
import { Path } from "@/parts/path";
import type { Session } from "@/store/types";
import { FoldsProvider, newFolds } from "../transcript/folds";
import { OtherBlock } from "../transcript/other-block";
import { diffsOf, inputOf, outputOf } from "../transcript/tool-content";
import { commandOf, iconOf, kindOf, objectOf, relative, type ToolKind } from "../transcript/tool-words";
import { AnswerButtons } from "./answer-buttons";
import { Card, type Walk } from "./card";
import { useInert } from "./use-inert";

type PermissionCardProps = {
  readonly session: Session;
  readonly asked: Session["pending_permissions"][number];
  readonly walk: Walk;
  readonly onAnswered: (request: string) => void;
};

export function PermissionCard({ session, asked, walk, onAnswered }: PermissionCardProps) {
  const store = useStore();
  const { request, options, expires_at: expires, tool_call: call } = asked;
  const state = useInert(JSON.stringify([request, options, call]));
  const answer = (option: PermissionOption) => {
    onAnswered(request);
    void decidePermission(store, session.id, request, option.id);
  };
  const object = objectOf(call, session.cwd);
  const title = t(`permission.title.${titleKey(kindOf(call))}`, { agent: session.agent });
  const until = instant(expires);
  const always = options.some(({ kind }) => kind === "allow_always" || kind === "reject_always");
  return (
    <Card
      icon={iconOf(call)}
      label={`${title}: ${object.text}`}
      walk={walk}
      title={
        <p>
          <span className="font-semibold">{title}</span>
          {object.is !== "command" && (
            <span className="ml-1.5 break-words">
              <HiddenText text={object.text} how="command" />
            </span>
          )}
          <span className="ml-1.5 text-2">{t("permission.in_cwd", { cwd: session.cwd })}</span>
        </p>
      }
    >
      <What session={session} asked={asked} />
      <AnswerButtons options={options} state={state} onAnswer={answer} />
      {(until !== null || always) && (
        <p className="text-sm text-2">
          {until !== null && <span>{t("permission.expires", { time: clock(until, Date.now()) })} </span>}
          {always && <span>{t("permission.always", { agent: session.agent })}</span>}
        </p>
      )}
    </Card>
  );
}

function titleKey(kind: ToolKind) {
  switch (kind) {
    case "execute":
      return "run";
    case "think":
      return "other";
    default:
      return kind;
  }
}

/** What will happen, whole: the command as it runs, the paths, the host, the change. */
function What({ session, asked }: Pick<PermissionCardProps, "session" | "asked">) {
  const { tool_call: call } = asked;
  const kind = kindOf(call);
  const command = kind === "execute" ? (commandOf(call) ?? call.title ?? null) : null;
  const diffs = diffsOf(call);
  const { text, others } = outputOf(call);
  const input = command === null && diffs.length === 0 ? inputOf(call) : "";
  const host = hostOf(objectOf(call, session.cwd).text);
  const places = (call.locations ?? []).filter(({ path }) => !diffs.some((diff) => diff.path === path));
  const folds = useMemo(newFolds, []);
  return (
    <FoldsProvider value={folds}>
      {command !== null && <CommandText command={command} />}
      {host !== null && <p className="text-2">{t("permission.host", { host })}</p>}
      {places.length > 0 && (
        <p className="flex flex-wrap gap-x-3">
          {places.map(({ path, line }) => (
            <Path key={`${path}:${line ?? ""}`} path={path} line={line} />
          ))}
        </p>
      )}
      {diffs.map((diff, at) => (
        <ChangeAsked key={at} cwd={session.cwd} {...diff} />
      ))}
      {text !== "" && text !== command && (
        <p className="max-h-40 overflow-y-auto break-words whitespace-pre-wrap">
          <HiddenText text={text} how="command" />
        </p>
      )}
      {others.map((block, at) => (
        <OtherBlock key={at} block={block} />
      ))}
      {input !== "" && input !== "{}" && (
        <details>
          <summary className="text-sm text-2">{t("permission.details")}</summary>
          <CodeBlock code={input} language="json" />
        </details>
      )}
    </FoldsProvider>
  );
}

type ChangeAskedProps = {
  readonly path: string;
  readonly before: string | null;
  readonly after: string;
  readonly cwd: string;
};

function ChangeAsked({ path, before, after, cwd }: ChangeAskedProps) {
  const change = useMemo(() => ({ is: "texts", before, after }) as const, [before, after]);
  return (
    <div className="overflow-hidden rounded-md border border-line bg-surface-0">
      <p className="border-b border-line px-2 py-0.5 text-sm">
        <Path path={path} shown={relative(path, cwd)} />
      </p>
      <div className="max-h-60 overflow-y-auto">
        <Diff path={path} change={change} />
      </div>
    </div>
  );
}

function hostOf(text: string): string | null {
  if (!/^https?:\/\//.test(text)) return null;
  try {
    return new URL(text).host;
  } catch {
    return null;
  }
}
