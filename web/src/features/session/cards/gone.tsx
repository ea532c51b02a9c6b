/** Says what became of a question that went away without an answer from here, for as long as somebody may wonder. */
import { useEffect, useRef, useState } from "react";
import { useStore } from "@/bind/store";
import { t } from "@/i18n";
import { HiddenText } from "@/parts/hidden-text";
import { placeOf } from "@/store/transcript";
import type { Kind } from "@/store/overlay";
import type { Session } from "@/store/types";
import type { State } from "@/store/state";
import { Icon } from "@/ui/icon";
import { IconButton } from "@/ui/icon-button";
import { useRefusals } from "../use-pending";

type GoneProps = {
  readonly session: Session;
  /** What is asked now. */
  readonly open: readonly string[];
  /** What was answered here. */
  readonly answered: ReadonlySet<string>;
};

const STAYS = 10_000;
const DECIDE: readonly Kind[] = ["decide", "answer"];

export function Gone({ session, open, answered }: GoneProps) {
  const store = useStore();
  const [went, setWent] = useState<readonly string[]>([]);
  const before = useRef(open);
  useEffect(() => {
    const lost = before.current.filter((id) => id !== "sign_in" && !open.includes(id) && !answered.has(id));
    before.current = open;
    if (lost.length > 0) setWent((others) => [...others, ...lost].slice(-3));
  }, [open, answered]);
  useEffect(() => {
    if (went.length === 0) return;
    const timer = setTimeout(() => setWent((others) => others.slice(1)), STAYS);
    return () => clearTimeout(timer);
  }, [went]);
  const refusals = useRefusals(session.id, DECIDE);
  const drop = (id: string) => setWent((others) => others.filter((one) => one !== id));
  return (
    <>
      {went.map((id) => (
        <Line key={id} text={fateOf(store.get(), session.id, id)} onDismiss={() => drop(id)} />
      ))}
      {refusals.map(({ command, problem }) => (
        <Line
          key={command.key}
          text={
            "request" in command && isDecided(store.get(), session.id, command.request)
              ? fateOf(store.get(), session.id, command.request)
              : t("permission.mine_lost", { detail: problem.detail ?? problem.code })
          }
          onDismiss={() => store.put({ is: "dismissed", key: command.key })}
        />
      ))}
    </>
  );
}

function Line({ text, onDismiss }: { readonly text: string; readonly onDismiss: () => void }) {
  return (
    <p role="status" className="animate-in flex items-center gap-2 rounded-md bg-surface-1 px-3 py-1 text-2">
      <Icon name="info" className="text-3" />
      <span className="min-w-0 flex-1 break-words">
        <HiddenText text={text} />
      </span>
      <IconButton icon="close" size="sm" label={t("shared.dismiss")} onClick={onDismiss} />
    </p>
  );
}

function isDecided(state: State, session: string, request: string): boolean {
  return fateOf(state, session, request) !== t("permission.elsewhere.gone");
}

function fateOf(state: State, session: string, request: string): string {
  const transcript = state.logs.get(session)?.transcript;
  if (transcript === undefined) return t("permission.elsewhere.gone");
  const place = placeOf(transcript, `permission:${request}`) ?? placeOf(transcript, `question:${request}`);
  const item = place === null ? undefined : transcript.items[place];
  if (item?.kind === "question" && item.answered !== null) {
    return t("permission.elsewhere.question", { by: item.answered.by });
  }
  if (item?.kind !== "permission" || item.decided === null) return t("permission.elsewhere.gone");
  const { by, decision } = item.decided;
  if (by === "policy" || by === "timeout" || by === "cancel" || by === "crash") {
    return t(`permission.elsewhere.${by}`);
  }
  return decision === "cancelled"
    ? t("permission.elsewhere.cancel")
    : t(`permission.elsewhere.${decision}`, { by });
}
