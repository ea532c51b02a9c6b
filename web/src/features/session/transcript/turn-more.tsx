/** What can be done with a message of one's own: buttons where there is a hand to point with, a menu on the phone. */
import { useNav } from "@/bind/nav";
import { t } from "@/i18n";
import { useCopy } from "@/parts/use-copy";
import type { ItemOf } from "@/store/items";
import { IconButton } from "@/ui/icon-button";
import { Menu } from "@/ui/menu";
import { usePhone } from "@/ui/use-media";
import { useRewind, type Rewind } from "../rewind/rewind";

type RewindButtonProps = { readonly prompt: ItemOf<"prompt"> };

export function RewindButton({ prompt }: RewindButtonProps) {
  const rewind = useRewindOf(prompt);
  if (rewind === null) return null;
  const { blocked, begin } = rewind;
  return (
    <IconButton
      icon="undo"
      size="sm"
      label={
        blocked === null ? t("transcript.turn.rewind") : t("transcript.turn.rewind_later", { why: blocked })
      }
      aria-disabled={blocked === null ? undefined : true}
      onClick={() => blocked === null && begin(prompt)}
    />
  );
}

type TurnMenuProps = RewindButtonProps & {
  readonly session: string;
  readonly seq: number;
  readonly text: string;
};

export function TurnMenu({ prompt, session, seq, text }: TurnMenuProps) {
  const phone = usePhone();
  const nav = useNav();
  const { copy } = useCopy();
  const rewind = useRewindOf(prompt);
  if (!phone) return null;
  const address = () => new URL(nav.href({ to: "session", id: session, at: seq }), location.origin).href;
  const take = rewind && {
    id: "rewind",
    label: t("transcript.turn.rewind"),
    icon: "undo" as const,
    onSelect: () => rewind.begin(prompt),
    ...(rewind.blocked === null ? {} : { blocked: rewind.blocked }),
  };
  return (
    <Menu
      label={t("transcript.turn.more")}
      closeLabel={t("shared.close")}
      groups={[
        [
          { id: "copy", label: t("transcript.turn.copy"), icon: "copy", onSelect: () => copy(text) },
          {
            id: "link",
            label: t("transcript.message.link"),
            icon: "link",
            onSelect: () => copy(address()),
          },
        ],
        take ? [take] : [],
      ]}
    >
      <IconButton icon="dots" size="sm" label={t("transcript.turn.more")} className="-my-1" />
    </Menu>
  );
}

/** Only what a person said is taken back from here, and only once it was taken. */
function useRewindOf({ source, state, turn }: ItemOf<"prompt">): Rewind | null {
  const rewind = useRewind();
  return source === "user" && state === "started" && turn !== null ? rewind : null;
}
