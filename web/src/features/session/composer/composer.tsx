/** The box to go on with. What is in it stays until the server has taken it. */
import { useId, type ClipboardEvent, type KeyboardEvent, type PointerEvent, type RefObject } from "react";
import { useActions } from "@/bind/actions";
import { t } from "@/i18n";
import { ProblemNote } from "@/parts/problem-note";
import { willWait } from "@/store/queue";
import type { Session } from "@/store/types";
import { Button } from "@/ui/button";
import { IconButton } from "@/ui/icon-button";
import { keyNames } from "@/ui/key-names";
import { usePhone } from "@/ui/use-media";
import { AttachmentChips } from "./attachment-chips";
import { LONG_PASTE } from "./attachments";
import { Pickers } from "./pickers";
import { meaningOf, pressOf } from "./send-key";
import { SlashList } from "./slash-list";
import type { DraftField } from "./use-draft";
import { useEnter } from "./use-enter";
import { useSending } from "./use-sending";
import { useSlash } from "./use-slash";

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
  const id = useId();
  const enter = useEnter();
  const phone = usePhone();
  const sending = useSending(session, draft, onSent);
  const slash = useSlash(session.commands, draft);
  const { online, empty, send } = sending;
  const { commands } = slash;
  const busy = willWait(session);

  const take = (name: string) => {
    slash.take(name);
    field.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    const press = pressOf(event.nativeEvent, mac);
    if (slash.onKey(press, event)) return;
    const meaning = meaningOf(press, { enter: phone ? "newline" : enter, busy, empty });
    if (meaning === "nothing" || meaning === "newline") return;
    event.preventDefault();
    if (meaning === "edit_last") onEditLast();
    else send(meaning === "interrupt" ? "interrupt" : "queue");
  };
  const onPaste = (event: ClipboardEvent<HTMLTextAreaElement>) => {
    const pasted = event.clipboardData.getData("text/plain");
    if (pasted.length <= LONG_PASTE) return;
    event.preventDefault();
    sending.attach(pasted);
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
          {
            id: "composer.edit_last",
            name: t("composer.edit_last"),
            group: t("session.action.group"),
            visible: () => session.queue_length > 0,
            perform: onEditLast,
          },
        ],
  );

  return (
    <div className="flex flex-col gap-1.5">
      {sending.problem !== null && <ProblemNote problem={sending.problem} onDismiss={sending.forgive} />}
      {!online && (
        <p role="status" id={`${id}-why`} className="text-sm text-warn-ink">
          {t("composer.offline")}
        </p>
      )}
      <div className="relative rounded-md border border-line-strong bg-surface-0 has-[textarea:focus-visible]:border-focus has-[textarea:focus-visible]:outline-1 has-[textarea:focus-visible]:outline-focus">
        {commands.length > 0 && (
          <SlashList id={`${id}-list`} commands={commands} at={slash.at} onPick={take} />
        )}
        <AttachmentChips attachments={sending.attachments} onRemove={sending.detach} />
        <textarea
          ref={field}
          value={draft.text}
          rows={1}
          aria-label={t("composer.label", { agent: session.agent })}
          aria-describedby={online ? undefined : `${id}-why`}
          aria-controls={commands.length > 0 ? `${id}-list` : undefined}
          aria-activedescendant={commands.length > 0 ? `${id}-list-${slash.at}` : undefined}
          placeholder={phone ? t("composer.placeholder_phone") : placeholder(session, busy, enter)}
          onChange={({ target }) => {
            draft.write(target.value);
            slash.caret(target.selectionStart);
          }}
          onSelect={({ currentTarget }) => {
            slash.caret(currentTarget.selectionStart);
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
              onClick={() => send("interrupt")}
            >
              {t("composer.interrupt_word")}
            </Button>
          )}
          <IconButton
            icon={busy ? "queue" : "arrow-up"}
            label={busy ? t("composer.queue") : t("composer.send")}
            look="primary"
            size={phone ? "lg" : "md"}
            disabled={!online || empty}
            onPointerDown={keepFocus}
            onClick={() => send("queue")}
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
