/** Sends what was written, with what goes beside it. Whatever the server does not take stands in the field again. */
import { useEffect, useRef, useState } from "react";
import type { PromptMode } from "@/api/gen";
import { useStore, useSync } from "@/bind/store";
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
  const { drafts } = useSync().browser;
  const [attachments, setAttachments] = useState<readonly Attachment[]>(() =>
    drafts.files(session.id).map((file, at) => ({ id: at + 1, ...file })),
  );
  /** What is on its way: kept until it is taken, though the field is free. */
  const away = useRef<readonly Attachment[]>([]);
  const kept = useRef(attachments);
  useEffect(() => {
    if (kept.current === attachments) return;
    kept.current = attachments;
    drafts.keepFiles(session.id, [...away.current, ...attachments].map(asFile));
  }, [drafts, session.id, attachments]);
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
    away.current = attachments;
    setAttachments([]);
    draft.hide();
    onSent();
    const got = await sendPrompt(store, session.id, content, mode);
    away.current = [];
    if (got.ok) {
      drafts.keepFiles(session.id, kept.current.map(asFile));
      return draft.sent();
    }
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
      const n = (attachments.at(-1)?.id ?? 0) + 1;
      const next = [...attachments, { id: n, name: t("composer.pasted", { n }), text: pasted }];
      const whole = bytesOf(contentOf(text, next, embedsOf(session)));
      if (whole > MOST) {
        showToast(t("composer.too_large", { size: size(whole), most: size(MOST) }), { tone: "bad" });
        return;
      }
      setAttachments(next);
    },
    detach: (id) => setAttachments((all) => all.filter((one) => one.id !== id)),
    forgive: () => setProblem(null),
  };
}

function asFile({ name, text }: Attachment) {
  return { name, text };
}
