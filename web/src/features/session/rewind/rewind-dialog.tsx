/** Asks before the conversation is taken back to before a message, and names what follows from it. */
import { useState } from "react";
import { useStore } from "@/bind/store";
import { rewindSession } from "@/commands/rewind-session";
import { t } from "@/i18n";
import { standsAt, type ItemOf } from "@/store/items";
import type { ContentBlock, Session } from "@/store/types";
import type { State } from "@/store/state";
import { AlertDialog } from "@/ui/alert-dialog";
import { returned } from "./returned";

type RewindDialogProps = {
  readonly session: Session;
  readonly prompt: ItemOf<"prompt">;
  readonly onClose: () => void;
  /** It is on its way. */
  readonly onSent: () => void;
  /** It is done: this is the message that was taken back. */
  readonly onTaken: (draft: readonly ContentBlock[]) => void;
};

export function RewindDialog({ session, prompt, onClose, onSent, onTaken }: RewindDialogProps) {
  const store = useStore();
  // What is taken back is what was in sight when the question was asked.
  const [{ seen, turns }] = useState(() => aboutOf(store.get(), session, prompt));
  const go = async () => {
    if (prompt.turn === null) return;
    onSent();
    const done = await rewindSession(store, session.id, prompt.turn, seen);
    if (!done.ok) return;
    store.put({ is: "latest", session: session.id });
    onTaken(done.data.draft);
  };
  return (
    <AlertDialog
      open
      onOpenChange={onClose}
      title={t("session.rewind.title")}
      note={
        <>
          <p>
            {turns === null
              ? t("session.rewind.note", { agent: session.agent })
              : t("session.rewind.note_turns", { count: turns, agent: session.agent })}
          </p>
          <p>{t("session.rewind.draft")}</p>
          {returned(prompt.content).others > 0 && <p>{t("session.rewind.others")}</p>}
        </>
      }
      confirm={{ label: t("session.rewind.go"), look: "danger" }}
      cancelLabel={t("shared.cancel")}
      onConfirm={() => void go()}
    />
  );
}

/** The last event that is in sight, and how many turns would be gone; `null` where that cannot be seen from here. */
function aboutOf({ logs }: State, { id, seq }: Session, prompt: ItemOf<"prompt">) {
  const log = logs.get(id);
  if (!log?.live || log.is !== "ready") return { seen: seq, turns: null };
  const gone = log.transcript.items.filter(
    (item) => item.kind === "prompt" && item.state === "started" && standsAt(item) >= standsAt(prompt),
  );
  // What is still on its way may be turns that would be gone as well.
  return { seen: log.last, turns: log.caught_up ? gone.length : null };
}
