/** Stands in for a picture in a text: nothing is fetched, its host is named. */
import { t } from "@/i18n";
import { Icon } from "@/ui/icon";
import { addressOf } from "./address";
import { Link } from "./link";

type ImageChipProps = { readonly src: string; readonly alt: string };

export function ImageChip({ src, alt }: ImageChipProps) {
  const address = addressOf(src);
  const label =
    address.is === "outside" ? t("shared.link.image", { host: address.host }) : t("shared.link.picture");
  return (
    <span className="inline-flex max-w-full items-center gap-1.5 rounded-sm border border-line bg-surface-1 px-1.5 align-bottom">
      <Icon name="image" className="text-3" />
      {alt !== "" && <span className="truncate">{alt}</span>}
      {address.is === "outside" || address.is === "path" ? (
        <Link href={src}>{label}</Link>
      ) : (
        <span className="text-3">{label}</span>
      )}
    </span>
  );
}
