/** Asks what the fork of a session shall do, and leads to it. What was typed stays when the server refuses. */
import { useState, type KeyboardEvent } from "react";
import { useNav } from "@/bind/nav";
import { useStore } from "@/bind/store";
import { forkSession } from "@/commands/fork-session";
import { t } from "@/i18n";
import { ProblemNote } from "@/parts/problem-note";
import type { Problem, Session } from "@/store/types";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Field } from "@/ui/field";
import { Kbd } from "@/ui/kbd";
import { TextArea } from "@/ui/text-area";
import { canFork } from "../session-actions";

type ForkDialogProps = { readonly session: Session; readonly onClose: () => void };

export function ForkDialog({ session, onClose }: ForkDialogProps) {
  const store = useStore();
  const nav = useNav();
  const [prompt, setPrompt] = useState("");
  const [is, setIs] = useState<"open" | "sending">("open");
  const [problem, setProblem] = useState<Problem | null>(null);
  const go = async () => {
    if (is === "sending") return;
    setIs("sending");
    setProblem(null);
    const made = await forkSession(store, session.id, prompt);
    setIs("open");
    if (!made.ok) return setProblem(made.problem);
    onClose();
    nav.go({ to: "session", id: made.data.session.id });
  };
  const keys = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || !(event.metaKey || event.ctrlKey) || event.nativeEvent.isComposing) return;
    event.preventDefault();
    void go();
  };
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={t("session.fork.title")}
      note={t("session.fork.note")}
      closeLabel={t("shared.close")}
      width="sm"
    >
      <div className="flex flex-col gap-4" onKeyDown={keys}>
        <Field label={t("session.fork.prompt")} hint={t("session.fork.prompt_hint")}>
          {(ties) => <TextArea {...ties} rows={3} value={prompt} onChange={setPrompt} className="max-h-60" />}
        </Field>
        {!canFork(session) && (
          <p className="text-sm text-2">{t("session.fork.recap", { agent: session.agent })}</p>
        )}
        {problem !== null && <ProblemNote problem={problem} onDismiss={() => setProblem(null)} />}
        <div className="flex flex-wrap justify-end gap-2 phone:flex-col-reverse phone:gap-3">
          <Button onClick={onClose}>{t("shared.cancel")}</Button>
          <Button look="primary" working={is === "sending"} onClick={() => void go()}>
            {t("session.fork.go")} <Kbd keys="Mod+Enter" />
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
