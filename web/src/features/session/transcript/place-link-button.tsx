/** Copies the address of one place in the transcript. */
import { useNav } from "@/bind/nav";
import { t } from "@/i18n";
import { useCopy } from "@/parts/use-copy";
import { IconButton } from "@/ui/icon-button";

type PlaceLinkButtonProps = { readonly session: string; readonly seq: number };

export function PlaceLinkButton({ session, seq }: PlaceLinkButtonProps) {
  const nav = useNav();
  const { copied, copy } = useCopy();
  const address = () => new URL(nav.href({ to: "session", id: session, at: seq }), location.origin).href;
  return (
    <IconButton
      icon={copied ? "check" : "link"}
      size="sm"
      label={t("transcript.message.link")}
      onClick={() => copy(address())}
    />
  );
}
