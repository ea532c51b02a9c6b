/** Sends what was written, with what goes beside it. Whatever the server does not take stands in the field again. */
import { useState } from "react";
import type { PromptMode } from "@/api/gen";
import { useStore } from "@/bind/store";
import { sendPrompt } from "@/commands/send-prompt";
import { sendQueuedNow } from "@/commands/send-queued-now";
import { t } from "@/i18n";
import { size } from "@/i18n/format";
import { queueOf } from "@/store/queue";
import type { Problem, Session } from "@/store/types";
import { showToast } from "@/ui/toasts";
import { bytesOf, contentOf, embedsOf, MOST, type Attachment } from "./attachments";
import type { DraftField } from "./use-draft";
import { useOnline } from "./use-online";

export type Sending = {
  readonly attachments: readonly Attachment[];
  readonly problem: Problem | null;
  readonly online: boolean;
  readonly empty: boolean;
  readonly send: (mode: PromptMode) => void;
  readonly attach: (text: string) => void;
  readonly detach: (id: number) => void;
  readonly forgive: () => void;
};

export function useSending(session: Session, draft: DraftField, onSent: () => void): Sending {
  const store = useStore();
  const online = useOnline();
  const [attachments, setAttachments] = useState<readonly Attachment[]>([]);
  const [problem, setProblem] = useState<Problem | null>(null);
  const { text } = draft;
  const empty = text.trim() === "" && attachments.length === 0;

  const sendNext = () => {
    const next = queueOf(store.get(), session.id).find((entry) => entry.turn !== null);
    if (next?.turn) void sendQueuedNow(store, session.id, next.turn);
  };
  const send = async (mode: PromptMode) => {
    const content = contentOf(text, attachments, embedsOf(session));
    setProblem(null);
    setAttachments([]);
    draft.hide();
    onSent();
    const got = await sendPrompt(store, session.id, content, mode);
    if (got.ok) return draft.sent();
    draft.back(text);
    setAttachments((since) => [...attachments, ...since]);
    setProblem(got.problem);
    // It is told here: the row in the transcript would tell it twice.
    for (const { command } of store.get().refusals) {
      if (command.session === session.id && command.kind === "prompt") {
        store.put({ is: "dismissed", key: command.key });
      }
    }
  };
  return {
    attachments,
    problem,
    online,
    empty,
    send: (mode) => {
      if (!online) return;
      if (!empty) void send(mode);
      else if (mode === "interrupt") sendNext();
    },
    attach: (pasted) => {
      const whole = bytesOf(text, pasted, ...attachments.map((one) => one.text));
      if (whole > MOST) {
        showToast(t("composer.too_large", { size: size(whole), most: size(MOST) }), { tone: "bad" });
        return;
      }
      const n = (attachments.at(-1)?.id ?? 0) + 1;
      setAttachments([...attachments, { id: n, name: t("composer.pasted", { n }), text: pasted }]);
    },
    detach: (id) => setAttachments((all) => all.filter((one) => one.id !== id)),
    forgive: () => setProblem(null),
  };
}
