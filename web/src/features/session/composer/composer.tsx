/** The box to go on with. What is in it stays until the server has taken it. */
import {
  useId,
  useState,
  type ClipboardEvent,
  type KeyboardEvent,
  type PointerEvent,
  type RefObject,
} from "react";
import { useActions } from "@/bind/actions";
import { useStore } from "@/bind/store";
import { sendPrompt } from "@/commands/send-prompt";
import { sendQueuedNow } from "@/commands/send-queued-now";
import type { PromptMode } from "@/api/gen";
import { t } from "@/i18n";
import { size } from "@/i18n/format";
import { ProblemNote } from "@/parts/problem-note";
import { queueOf, willWait } from "@/store/queue";
import type { Problem, Session } from "@/store/types";
import { Button } from "@/ui/button";
import { IconButton } from "@/ui/icon-button";
import { keyNames } from "@/ui/key-names";
import { showToast } from "@/ui/toasts";
import { usePhone } from "@/ui/use-media";
import { AttachmentChips } from "./attachment-chips";
import { bytesOf, contentOf, embedsOf, LONG_PASTE, MOST, type Attachment } from "./attachments";
import { Pickers } from "./pickers";
import { meaningOf, pressOf } from "./send-key";
import { matching, typedCommand, withCommand } from "./slash";
import { SlashList } from "./slash-list";
import type { DraftField } from "./use-draft";
import { useEnter } from "./use-enter";
import { useOnline } from "./use-online";

type ComposerProps = {
  readonly session: Session;
  readonly draft: DraftField;
  readonly field: RefObject<HTMLTextAreaElement | null>;
  readonly keys: "on" | "off";
  readonly onSent: () => void;
  readonly onEditLast: () => void;
};

const mac = /Mac|iPhone|iPad/.test(navigator.userAgent);

export function Composer({ session, draft, field, keys, onSent, onEditLast }: ComposerProps) {
  const store = useStore();
  const id = useId();
  const [attachments, setAttachments] = useState<readonly Attachment[]>([]);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [choice, setChoice] = useState<{ readonly typed: string; readonly at: number } | null>(null);
  const [caret, setCaret] = useState(0);
  const enter = useEnter();
  const online = useOnline();
  const phone = usePhone();
  const { text } = draft;
  const busy = willWait(session);
  const empty = text.trim() === "" && attachments.length === 0;
  const typed = typedCommand(text, caret);
  const commands = typed === null || choice?.typed === "closed" ? [] : matching(session.commands, typed);
  const at = Math.min(choice?.at ?? 0, commands.length - 1);

  const send = async (mode: PromptMode) => {
    if (!online) return;
    if (empty) {
      const next = queueOf(store.get(), session.id).find((entry) => entry.turn !== null);
      if (mode === "steer" && next?.turn) void sendQueuedNow(store, session.id, next.turn);
      return;
    }
    const content = contentOf(text, attachments, embedsOf(session));
    const going = attachments;
    setProblem(null);
    setAttachments([]);
    const draftText = text;
    draft.hide();
    onSent();
    const got = await sendPrompt(store, session.id, content, mode);
    if (got.ok) {
      draft.sent();
      return;
    }
    draft.back(draftText);
    setAttachments((since) => [...going, ...since]);
    setProblem(got.problem);
    dismiss();
  };
  /** The composer tells it itself: the row in the transcript would tell it twice. */
  const dismiss = () => {
    for (const { command } of store.get().refusals) {
      if (command.session === session.id && command.kind === "prompt") {
        store.put({ is: "dismissed", key: command.key });
      }
    }
  };

  const take = (name: string) => {
    const next = withCommand(text, name);
    draft.write(next.text, next.caret);
    setCaret(next.caret);
    field.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    const press = pressOf(event.nativeEvent, mac);
    if (commands.length > 0 && !press.composing && typed !== null) {
      const step = press.key === "ArrowDown" ? 1 : press.key === "ArrowUp" ? -1 : 0;
      if (step !== 0) {
        event.preventDefault();
        setChoice({ typed, at: (at + step + commands.length) % commands.length });
        return;
      }
      const chosen = commands[at];
      if ((press.key === "Tab" || press.key === "Enter") && !press.shift && !press.mod && chosen) {
        event.preventDefault();
        take(chosen.name);
        return;
      }
      if (press.key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
        setChoice({ typed: "closed", at: 0 });
        return;
      }
    }
    switch (meaningOf(press, { enter: phone ? "newline" : enter, busy, empty })) {
      case "send":
        event.preventDefault();
        void send("queue");
        break;
      case "steer":
        event.preventDefault();
        void send("steer");
        break;
      case "edit_last":
        event.preventDefault();
        onEditLast();
        break;
      case "newline":
      case "nothing":
        break;
    }
  };
  const onPaste = (event: ClipboardEvent<HTMLTextAreaElement>) => {
    const pasted = event.clipboardData.getData("text/plain");
    if (pasted.length <= LONG_PASTE) return;
    event.preventDefault();
    const whole = bytesOf(text, pasted, ...attachments.map((one) => one.text));
    if (whole > MOST) {
      showToast(t("composer.too_large", { size: size(whole), most: size(MOST) }), { tone: "bad" });
      return;
    }
    const n = (attachments.at(-1)?.id ?? 0) + 1;
    setAttachments([...attachments, { id: n, name: t("composer.pasted", { n }), text: pasted }]);
  };

  useActions(
    keys === "off"
      ? []
      : [
          {
            id: "composer.focus",
            name: t("composer.focus"),
            group: t("session.action.group"),
            keys: ["i"],
            perform: () => field.current?.focus(),
          },
        ],
  );

  return (
    <div className="flex flex-col gap-1.5">
      {problem !== null && <ProblemNote problem={problem} onDismiss={() => setProblem(null)} />}
      {!online && (
        <p role="status" id={`${id}-why`} className="text-sm text-warn-ink">
          {t("composer.offline")}
        </p>
      )}
      <div className="relative rounded-md border border-line-strong bg-surface-0 has-[textarea:focus-visible]:border-focus has-[textarea:focus-visible]:outline-1 has-[textarea:focus-visible]:outline-focus">
        {commands.length > 0 && <SlashList id={`${id}-list`} commands={commands} at={at} onPick={take} />}
        <AttachmentChips
          attachments={attachments}
          onRemove={(gone) => setAttachments(attachments.filter((one) => one.id !== gone))}
        />
        <textarea
          ref={field}
          value={text}
          rows={1}
          aria-label={t("composer.label", { agent: session.agent })}
          aria-describedby={online ? undefined : `${id}-why`}
          aria-controls={commands.length > 0 ? `${id}-list` : undefined}
          aria-activedescendant={commands.length > 0 ? `${id}-list-${at}` : undefined}
          placeholder={phone ? t("composer.placeholder_phone") : placeholder(session, busy, enter)}
          onChange={(event) => {
            draft.write(event.target.value);
            setCaret(event.target.selectionStart);
            if (choice?.typed === "closed" && !event.target.value.startsWith("/")) setChoice(null);
          }}
          onSelect={(event) => {
            setCaret(event.currentTarget.selectionStart);
            draft.moved();
          }}
          onKeyDown={onKeyDown}
          onPaste={onPaste}
          // The box around it shows the focus.
          style={{ outline: "none" }}
          className="block max-h-[40dvh] min-h-9 w-full resize-none overflow-y-auto bg-transparent px-3 pt-2 pb-1 field-sizing-content"
        />
        <div className="flex items-center gap-1 px-1 pb-1">
          <Pickers session={session} />
          <span className="flex-1" />
          {busy && !empty && !phone && (
            <Button
              size="sm"
              look="quiet"
              disabled={!online}
              onPointerDown={keepFocus}
              onClick={() => void send("steer")}
            >
              {t("composer.steer_word")}
            </Button>
          )}
          <IconButton
            icon={busy ? "queue" : "arrow-up"}
            label={busy ? t("composer.queue") : t("composer.send")}
            look="primary"
            size={phone ? "lg" : "md"}
            disabled={!online || empty}
            onPointerDown={keepFocus}
            onClick={() => void send("queue")}
          />
        </div>
      </div>
    </div>
  );
}

/** Whoever writes goes on writing: the keyboard of a phone stays where it is. */
function keepFocus(event: PointerEvent): void {
  event.preventDefault();
}

function placeholder({ state }: Session, busy: boolean, enter: "sends" | "newline"): string {
  const keys = keyNames("Mod+Enter").join(" ");
  if (busy)
    return enter === "sends" ? t("composer.placeholder_busy", { keys }) : t("composer.placeholder_queue");
  if (state === "hibernated") return t("composer.placeholder_wakes");
  if (state === "stopped") return t("composer.placeholder_resumes");
  return enter === "sends" ? t("composer.placeholder") : t("composer.placeholder_mod", { keys });
}
