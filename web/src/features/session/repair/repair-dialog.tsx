/** Tells what is wrong with the log of a session, and what a repair would append; then repairs it, if that is wanted. */
import { useState } from "react";
import { useQuestion } from "@/bind/questions";
import { useStore } from "@/bind/store";
import { repairSession } from "@/commands/repair-session";
import { t } from "@/i18n";
import { LoadingNote } from "@/parts/loading-note";
import { ProblemNote } from "@/parts/problem-note";
import type { Session } from "@/store/types";
import { Button } from "@/ui/button";
import { Checkbox } from "@/ui/checkbox";
import { showToast } from "@/ui/toasts";
import { DialogFoot, SessionDialog } from "../session-dialog";
import { useAsking } from "../use-asking";
import { Findings } from "./findings";
import { outlookOf } from "./repair-words";

type RepairDialogProps = { readonly session: Session; readonly onClose: () => void };

export function RepairDialog({ session, onClose }: RepairDialogProps) {
  const store = useStore();
  const { id } = session;
  const [forced, setForced] = useState(false);
  const looked = useQuestion("examination", [id, forced, session.seq]);
  const { sending, problem, ask, forgive } = useAsking();
  const repair = async () => {
    const done = await ask(() => repairSession(store, id, forced));
    if (done !== null) {
      onClose();
      showToast(t("session.repair.done"));
      return;
    }
    // It is told here, where it was asked for.
    for (const { command } of store.get().refusals) {
      if (command.session === id && command.kind === "repair")
        store.put({ is: "dismissed", key: command.key });
    }
  };
  const report = looked.is === "ready" ? looked.data.repair : null;
  const outlook = report && outlookOf(report);
  return (
    <SessionDialog
      title={t("session.repair.title")}
      note={t("session.repair.only_appends")}
      width="md"
      onClose={onClose}
    >
      {looked.is === "loading" && <LoadingNote label={t("session.repair.looking")} rows={3} />}
      {looked.is === "problem" && <ProblemNote problem={looked.problem} onRetry={looked.again} />}
      {report !== null && <Findings report={report} />}
      {(outlook?.wants_force || forced) && (
        <Checkbox label={t("session.repair.force")} checked={forced} onChange={setForced} />
      )}
      {problem !== null && <ProblemNote problem={problem} onDismiss={forgive} />}
      <DialogFoot onCancel={onClose}>
        {outlook?.may && (
          <Button look="primary" working={sending} onClick={() => void repair()}>
            {t("session.repair.go")}
          </Button>
        )}
      </DialogFoot>
    </SessionDialog>
  );
}
