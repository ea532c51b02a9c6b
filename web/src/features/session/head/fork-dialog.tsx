/** Asks what the fork of a session shall do, and leads to it. What was typed stays when the server refuses. */
import { useState, type KeyboardEvent } from "react";
import { useNav } from "@/bind/nav";
import { useStore } from "@/bind/store";
import { forkSession } from "@/commands/fork-session";
import { t } from "@/i18n";
import { ProblemNote } from "@/parts/problem-note";
import type { Session } from "@/store/types";
import { Button } from "@/ui/button";
import { Field } from "@/ui/field";
import { Kbd } from "@/ui/kbd";
import { TextArea } from "@/ui/text-area";
import { canFork } from "../session-actions";
import { DialogFoot, SessionDialog } from "../session-dialog";
import { useAsking } from "../use-asking";

type ForkDialogProps = { readonly session: Session; readonly onClose: () => void };

export function ForkDialog({ session, onClose }: ForkDialogProps) {
  const store = useStore();
  const nav = useNav();
  const [prompt, setPrompt] = useState("");
  const { sending, problem, ask, forgive } = useAsking();
  const go = async () => {
    const made = await ask(() => forkSession(store, session.id, prompt));
    if (made === null) return;
    onClose();
    nav.go({ to: "session", id: made.session.id });
  };
  const keys = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || !(event.metaKey || event.ctrlKey) || event.nativeEvent.isComposing) return;
    event.preventDefault();
    void go();
  };
  return (
    <SessionDialog title={t("session.fork.title")} note={t("session.fork.note")} onClose={onClose}>
      <div className="flex flex-col gap-4" onKeyDown={keys}>
        <Field label={t("session.fork.prompt")} hint={t("session.fork.prompt_hint")}>
          {(ties) => <TextArea {...ties} rows={3} value={prompt} onChange={setPrompt} className="max-h-60" />}
        </Field>
        {!canFork(session) && (
          <p className="text-sm text-2">{t("session.fork.recap", { agent: session.agent })}</p>
        )}
        {problem !== null && <ProblemNote problem={problem} onDismiss={forgive} />}
        <DialogFoot onCancel={onClose}>
          <Button look="primary" working={sending} onClick={() => void go()}>
            {t("session.fork.go")} <Kbd keys="Mod+Enter" />
          </Button>
        </DialogFoot>
      </div>
    </SessionDialog>
  );
}
