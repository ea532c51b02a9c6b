/** The title of a session: a heading, and a field while somebody renames it. What was refused is told here. */
import { useState, type KeyboardEvent } from "react";
import { t } from "@/i18n";
import { useStore } from "@/bind/store";
import { renameSession } from "@/commands/rename-session";
import { HiddenText } from "@/parts/hidden-text";
import { ProblemNote } from "@/parts/problem-note";
import type { Kind } from "@/store/overlay";
import type { Session } from "@/store/types";
import { TextField } from "@/ui/text-field";
import { useRefusals } from "../use-pending";
import { titleOf } from "./title-of";

type SessionTitleProps = {
  readonly session: Session;
  readonly mode: "shown" | "edited";
  readonly onEdit: () => void;
  readonly onDone: () => void;
};

const RENAME: readonly Kind[] = ["rename"];

export function SessionTitle({ session, mode, onEdit, onDone }: SessionTitleProps) {
  const store = useStore();
  const refusals = useRefusals(session.id, RENAME);
  const refusal = refusals.at(-1);
  const rename = (title: string) => {
    onDone();
    if (title === session.title || title.trim() === "") return;
    for (const { command } of refusals) store.put({ is: "dismissed", key: command.key });
    void renameSession(store, session.id, title.trim());
  };
  return (
    <div className="relative min-w-0 shrink">
      {mode === "edited" ? (
        <TitleField title={session.title} onSave={rename} onCancel={onDone} />
      ) : (
        <h1
          id={`title-${session.id}`}
          title={titleOf(session)}
          onDoubleClick={onEdit}
          className="truncate font-semibold"
        >
          <HiddenText text={titleOf(session)} />
        </h1>
      )}
      {refusal !== undefined && (
        <div className="absolute top-full left-0 z-10 mt-1 w-80 max-w-[80vw]">
          <ProblemNote
            problem={{
              ...refusal.problem,
              detail: t("session.head.renamed_refused", {
                detail: refusal.problem.detail ?? refusal.problem.code,
              }),
            }}
            onDismiss={() => store.put({ is: "dismissed", key: refusal.command.key })}
          />
        </div>
      )}
    </div>
  );
}

type TitleFieldProps = {
  readonly title: string;
  readonly onSave: (title: string) => void;
  readonly onCancel: () => void;
};

function TitleField({ title, onSave, onCancel }: TitleFieldProps) {
  const [text, setText] = useState(title);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Enter") onSave(text);
    else if (event.key === "Escape") {
      event.stopPropagation();
      onCancel();
    }
  };
  return (
    <TextField
      value={text}
      onChange={setText}
      autoFocus
      aria-label={t("session.rename.label")}
      onFocus={(event) => event.currentTarget.select()}
      onKeyDown={onKeyDown}
      onBlur={() => onSave(text)}
      className="w-80 max-w-full"
    />
  );
}
