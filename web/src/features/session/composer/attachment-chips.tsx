/** What goes with the message, and can be taken back. */
import { t } from "@/i18n";
import { size } from "@/i18n/format";
import { Icon } from "@/ui/icon";
import { IconButton } from "@/ui/icon-button";
import type { Attachment } from "./attachments";

type AttachmentChipsProps = {
  readonly attachments: readonly Attachment[];
  readonly onRemove: (id: number) => void;
};

export function AttachmentChips({ attachments, onRemove }: AttachmentChipsProps) {
  if (attachments.length === 0) return null;
  return (
    <ul className="flex flex-wrap gap-1.5 px-2 pt-2">
      {attachments.map(({ id, name, text }) => (
        <li key={id} className="flex items-center gap-1.5 rounded-sm border border-line bg-surface-1 pl-2">
          <Icon name="attach" className="text-3" />
          <span title={text.slice(0, 500)}>
            {t("composer.attachment", { name, size: size(text.length) })}
          </span>
          <IconButton
            icon="close"
            size="sm"
            label={t("composer.remove_attachment", { name })}
            onClick={() => onRemove(id)}
          />
        </li>
      ))}
    </ul>
  );
}
