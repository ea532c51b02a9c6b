/** What was said and is no text: a picture, a sound, a link, an attached text. Nothing of it is fetched. */
import { t } from "@/i18n";
import { size } from "@/i18n/format";
import { Link } from "@/parts/markdown/link";
import { HiddenText } from "@/parts/hidden-text";
import type { ContentBlock } from "@/store/types";
import { Icon } from "@/ui/icon";
import { useFold } from "./folds";

type OtherBlockProps = { readonly block: ContentBlock };

/** Types that a browser draws and does not run. */
const PICTURES = /^image\/(png|jpeg|gif|webp|avif)$/;

export function OtherBlock({ block }: OtherBlockProps) {
  switch (block.type) {
    case "text":
      return (
        <p className="whitespace-pre-wrap">
          <HiddenText text={block.text} />
        </p>
      );
    case "image":
      return PICTURES.test(block.mime_type) ? (
        <img
          src={`data:${block.mime_type};base64,${block.data}`}
          alt={t("transcript.message.image", { type: block.mime_type })}
          className="max-h-80 max-w-full rounded-md border border-line"
        />
      ) : (
        <Chip icon="image" text={t("transcript.message.image", { type: block.mime_type })} />
      );
    case "audio":
      return <Chip icon="play" text={t("transcript.message.audio", { type: block.mime_type })} />;
    case "resource_link":
      return (
        <span className="inline-flex items-center gap-1.5">
          <Icon name="attach" className="text-3" />
          <Link href={block.uri}>{block.name}</Link>
        </span>
      );
    case "resource":
      return <Resource resource={block.resource} />;
  }
}

function Chip({ icon, text }: { readonly icon: "image" | "play" | "attach"; readonly text: string }) {
  return (
    <span className="inline-flex max-w-full items-center gap-1.5 rounded-sm border border-line bg-surface-1 px-1.5">
      <Icon name={icon} className="text-3" />
      <span className="truncate">
        <HiddenText text={text} />
      </span>
    </span>
  );
}

function Resource({ resource }: { readonly resource: Readonly<Record<string, unknown>> }) {
  const text = typeof resource.text === "string" ? resource.text : "";
  const uri = typeof resource.uri === "string" ? resource.uri : "";
  const name = decodeURIComponent(uri.split("/").at(-1) ?? "") || t("transcript.turn.attached");
  const [open, toggle] = useFold(`resource:${uri}`, "closed");
  return (
    <div className="max-w-full">
      <button
        type="button"
        aria-expanded={open}
        onClick={toggle}
        className="tap inline-flex max-w-full items-center gap-1.5 rounded-sm border border-line bg-surface-1 px-1.5 hover:bg-surface-2"
      >
        <Icon name="attach" className="text-3" />
        <span className="truncate">
          <HiddenText text={t("transcript.turn.attachment", { name, size: size(text.length) })} />
        </span>
      </button>
      {open && (
        <pre className="mt-1 max-h-80 overflow-auto rounded-md border border-line bg-surface-1 p-2 font-mono text-sm whitespace-pre-wrap">
          <HiddenText text={text} />
        </pre>
      )}
    </div>
  );
}
