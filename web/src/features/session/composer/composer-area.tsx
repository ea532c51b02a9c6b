/** All that stands below the transcript: what is asked, the plan, the queue and the message. None of it replaces another. */
import { useRef, useState } from "react";
import { useStore, useSync } from "@/bind/store";
import type { ItemOf } from "@/store/items";
import { queueOf } from "@/store/queue";
import type { ContentBlock, Session } from "@/store/types";
import { Cards } from "../cards/cards";
import { Queue } from "../queue/queue";
import { useEdit } from "../queue/use-queue-edit";
import { returned } from "../rewind/returned";
import { RewindDialog } from "../rewind/rewind-dialog";
import { Composer } from "./composer";
import { PlanCard } from "./plan-card";
import { useDraft } from "./use-draft";
import { useKeyboardInset } from "./use-keyboard-inset";

type ComposerAreaProps = {
  readonly session: Session;
  readonly keys: "on" | "off";
  /** The message to before which the conversation shall be taken back, until that is answered. */
  readonly back: ItemOf<"prompt"> | null;
  readonly onBack: () => void;
  readonly onSent: () => void;
};

export function ComposerArea({ session, keys, back, onBack, onSent }: ComposerAreaProps) {
  const store = useStore();
  const { drafts } = useSync().browser;
  /** Counts messages that came back with texts beside them: the field begins anew with these. */
  const [filled, setFilled] = useState(0);
  const field = useRef<HTMLTextAreaElement>(null);
  const draft = useDraft(session.id, field);
  const edit = useEdit(session.id);
  const inset = useKeyboardInset();
  const put = (text: string) => {
    draft.write(draft.text === "" ? text : `${draft.text}\n\n${text}`);
    field.current?.focus();
  };
  const takeBack = (content: readonly ContentBlock[]) => {
    const { text, files } = returned(content);
    draft.back(text);
    if (files.length > 0) {
      drafts.keepFiles(session.id, [...files, ...drafts.files(session.id)]);
      setFilled((times) => times + 1);
    }
    field.current?.focus();
  };
  const editLast = () => {
    const last = queueOf(store.get(), session.id).findLast((item) => item.turn !== null);
    if (last !== undefined) edit.begin(last);
  };
  return (
    <div
      className="shrink-0 border-t border-line px-3 pt-2 pb-[max(0.5rem,env(safe-area-inset-bottom))]"
      style={inset === 0 ? undefined : { paddingBottom: inset + 8 }}
    >
      <div className="mx-auto flex w-full max-w-4xl flex-col gap-1.5">
        <Cards session={session} keys={keys} />
        <PlanCard session={session.id} />
        <Queue session={session.id} edit={edit} onPut={put} />
        <Composer
          key={filled}
          session={session}
          draft={draft}
          field={field}
          keys={keys}
          onSent={onSent}
          onEditLast={editLast}
        />
        {back !== null && (
          <RewindDialog
            key={back.id}
            session={session}
            prompt={back}
            onClose={onBack}
            onSent={onSent}
            onTaken={takeBack}
          />
        )}
      </div>
    </div>
  );
}
