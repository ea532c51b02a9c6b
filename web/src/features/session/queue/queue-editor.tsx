/** The field in which a prompt that waits is edited, in its place. */
import type { KeyboardEvent } from "react";
import { t } from "@/i18n";
import { Button } from "@/ui/button";
import { TextArea } from "@/ui/text-area";
import type { Editing } from "./use-queue-edit";

type QueueEditorProps = {
  readonly editing: Exclude<Editing, { is: "nothing" }>;
  readonly onPut?: (text: string) => void;
};

export function QueueEditor({ editing, onPut }: QueueEditorProps) {
  const { is, text, write, save, stop } = editing;
  const taken = is === "taken";
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing || event.nativeEvent.keyCode === 229) return;
    if (event.key === "Escape") {
      event.stopPropagation();
      stop();
    } else if (event.key === "Enter" && !event.shiftKey && !event.altKey && !taken) {
      event.preventDefault();
      save();
    }
  };
  return (
    <div className="flex flex-col gap-1.5 py-1">
      {taken && (
        <p role="status" className="text-sm text-warn-ink">
          {t("composer.queue_list.taken")}
        </p>
      )}
      <TextArea
        value={text}
        onChange={write}
        autoFocus
        onFocus={({ currentTarget: field }) =>
          field.setSelectionRange(field.value.length, field.value.length)
        }
        rows={1}
        aria-label={t("composer.queue_list.field")}
        onKeyDown={onKeyDown}
        className="max-h-40"
      />
      <div className="flex flex-wrap items-center gap-2">
        {taken ? (
          <>
            <Button
              size="sm"
              onClick={() => {
                onPut?.(text);
                stop();
              }}
            >
              {t("composer.queue_list.to_composer")}
            </Button>
            <Button size="sm" look="quiet" onClick={stop}>
              {t("composer.queue_list.drop_text")}
            </Button>
          </>
        ) : (
          <>
            <Button size="sm" look="primary" onClick={save}>
              {t("composer.queue_list.save")}
            </Button>
            <Button size="sm" look="quiet" onClick={stop}>
              {t("shared.cancel")}
            </Button>
            <span className="text-sm text-3">{t("composer.queue_list.may_be_taken")}</span>
          </>
        )}
      </div>
    </div>
  );
}
