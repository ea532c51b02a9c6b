/** One prompt that waits, with what can be done with it. */
import { t } from "@/i18n";
import { cx } from "@/lib/cx";
import { HiddenText } from "@/parts/hidden-text";
import type { QueueItem } from "@/store/queue";
import { Button } from "@/ui/button";
import { IconButton } from "@/ui/icon-button";
import { Menu } from "@/ui/menu";
import { usePhone } from "@/ui/use-media";
import { textOf } from "../transcript/turn-row";

type QueueEntryProps = {
  readonly item: QueueItem;
  readonly place: { readonly index: number; readonly count: number };
  readonly does: {
    readonly edit: () => void;
    readonly send: () => void;
    /** To a place, from 1. */
    readonly move: (to: number) => void;
    readonly drop: () => void;
  };
};

const words = {
  sending: "composer.queue_list.sending",
  editing: "composer.queue_list.saving",
  moving: "composer.queue_list.moving",
  dropping: "composer.queue_list.removing",
} as const;

export function QueueEntry({ item, place, does }: QueueEntryProps) {
  const phone = usePhone();
  const { content, doing, turn } = item;
  const { index, count } = place;
  const others = content.filter((block) => block.type !== "text").length;
  const still = doing === "nothing" && turn !== null;
  return (
    <li className="flex min-h-8 items-center gap-2 border-t border-line first:border-t-0">
      <span className="w-4 shrink-0 text-right text-3">{index + 1}</span>
      <span className={cx("min-w-0 flex-1 truncate", (doing === "dropping" || !still) && "text-3")}>
        <HiddenText text={textOf(content).replace(/\s+/g, " ")} />
        {others > 0 && (
          <span className="ml-2 text-sm text-3">
            {t("composer.queue_list.attachments", { count: others })}
          </span>
        )}
      </span>
      {doing !== "nothing" && <span className="shrink-0 text-sm text-3">{t(words[doing])}</span>}
      {still && !phone && (
        <span className="flex shrink-0 items-center">
          <Button size="sm" look="quiet" title={t("composer.queue_list.send_now_note")} onClick={does.send}>
            {t("composer.queue_list.send_now")}
          </Button>
          <Button size="sm" look="quiet" onClick={does.edit}>
            {t("composer.queue_list.edit")}
          </Button>
          <IconButton
            icon="up"
            size="sm"
            label={t("composer.queue_list.up")}
            disabled={index === 0}
            onClick={() => does.move(index)}
          />
          <IconButton
            icon="down"
            size="sm"
            label={t("composer.queue_list.down")}
            disabled={index === count - 1}
            onClick={() => does.move(index + 2)}
          />
          <IconButton icon="close" size="sm" label={t("composer.queue_list.remove")} onClick={does.drop} />
        </span>
      )}
      {still && phone && <EntryMenu item={item} place={place} does={does} />}
    </li>
  );
}

function EntryMenu({ item, place, does }: QueueEntryProps) {
  const { index, count } = place;
  const one = (id: keyof typeof texts, onSelect: () => void) => ({ id, label: t(texts[id]), onSelect });
  const moves = [
    ...(index > 0 ? [one("up", () => does.move(index))] : []),
    ...(index < count - 1 ? [one("down", () => does.move(index + 2))] : []),
  ];
  return (
    <Menu
      label={textOf(item.content).slice(0, 60)}
      closeLabel={t("shared.close")}
      groups={[
        [one("send", does.send), one("edit", does.edit)],
        moves,
        [{ ...one("drop", does.drop), tone: "bad" as const }],
      ]}
    >
      <IconButton icon="dots" label={t("shared.more")} />
    </Menu>
  );
}

const texts = {
  send: "composer.queue_list.send_now",
  edit: "composer.queue_list.edit",
  up: "composer.queue_list.up",
  down: "composer.queue_list.down",
  drop: "composer.queue_list.remove",
} as const;
