/** Asks before a session is stopped, cleared, deleted, or put to sleep with loss, and names what follows from it. */
import { clearSession } from "@/commands/clear-session";
import { deleteSession } from "@/commands/delete-session";
import { hibernateSession } from "@/commands/hibernate-session";
import { stopSession } from "@/commands/stop-session";
import { useNav } from "@/bind/nav";
import { useStore } from "@/bind/store";
import { t } from "@/i18n";
import { showToast } from "@/ui/toasts";
import type { Session } from "@/store/types";
import { AlertDialog } from "@/ui/alert-dialog";
import { tellRefusal } from "../tell-refusal";
import { titleOf } from "./title-of";

type ConfirmProps = { readonly session: Session; readonly onClose: () => void };

export function StopDialog({ session, onClose }: ConfirmProps) {
  const store = useStore();
  return (
    <AlertDialog
      open
      onOpenChange={onClose}
      title={t("session.stop.title")}
      note={
        <>
          <p>{t("session.stop.note")}</p>
          {session.queue_length > 0 && <p>{t("session.stop.queue", { count: session.queue_length })}</p>}
        </>
      }
      confirm={{ label: t("session.stop.go"), look: "danger" }}
      cancelLabel={t("shared.cancel")}
      onConfirm={() => void stopSession(store, session.id)}
    />
  );
}

/** Only for an agent that forgets. */
export function SleepDialog({ session, onClose }: ConfirmProps) {
  const store = useStore();
  return (
    <AlertDialog
      open
      onOpenChange={onClose}
      title={t("session.sleep.title")}
      note={t("session.sleep.note", { agent: session.agent })}
      confirm={{ label: t("session.sleep.go"), look: "primary" }}
      cancelLabel={t("shared.cancel")}
      onConfirm={() => void hibernateSession(store, session.id, true)}
    />
  );
}

export function ClearDialog({ session, onClose }: ConfirmProps) {
  const store = useStore();
  return (
    <AlertDialog
      open
      onOpenChange={onClose}
      title={t("session.clear.title")}
      note={t("session.clear.note", { agent: session.agent })}
      confirm={{ label: t("session.clear.go"), look: "danger" }}
      cancelLabel={t("shared.cancel")}
      onConfirm={() => void clearSession(store, session.id)}
    />
  );
}

export function DeleteDialog({ session, onClose }: ConfirmProps) {
  const store = useStore();
  const nav = useNav();
  const { id, seq, workspace } = session;
  const cwd = workspace?.worktree_of ?? session.cwd;
  const remove = async () => {
    if (!(await tellRefusal(t("session.action.delete"), deleteSession(store, id)))) return;
    showToast(t("session.delete.done", { title: titleOf(session) }));
    nav.go({ to: "home" }, "replace");
  };
  return (
    <AlertDialog
      open
      onOpenChange={onClose}
      title={t("session.delete.title")}
      note={
        <>
          <p>{t("session.delete.note", { count: seq, cwd })}</p>
          {workspace?.worktree_of !== undefined && (
            <p>{t("session.delete.worktree", { cwd: workspace.cwd })}</p>
          )}
        </>
      }
      confirm={{ label: t("session.delete.go"), look: "danger" }}
      cancelLabel={t("shared.cancel")}
      onConfirm={() => void remove()}
    />
  );
}
