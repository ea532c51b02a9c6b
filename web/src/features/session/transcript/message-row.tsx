/** What the agent says: its words as they are meant to look, while they come and afterwards. */
import { memo } from "react";
import { t } from "@/i18n";
import { Age } from "@/parts/age";
import { CopyButton } from "@/parts/copy-button";
import { Stamp } from "@/parts/stamp";
import { Markdown } from "@/parts/markdown/markdown";
import type { ItemOf } from "@/store/items";
import { OtherBlock } from "./other-block";
import { PlaceLinkButton } from "./place-link-button";
import { useStreamed } from "./use-streamed";

type MessageRowProps = { readonly item: ItemOf<"message">; readonly session: string };

export const MessageRow = memo(function MessageRow({ item, session }: MessageRowProps) {
  const is = item.open ? "open" : "closed";
  const text = useStreamed(item.text, is);
  return (
    <div className="group/row relative pr-16 phone:pr-0">
      <Markdown text={text} state={is} />
      {item.others.map((block, at) => (
        <OtherBlock key={at} block={block} />
      ))}
      <div className="absolute top-0 right-0 flex items-center opacity-0 group-focus-within/row:opacity-100 group-hover/row:opacity-100 phone:hidden">
        <Stamp at={item.until} session={session} seq={item.seq} className="mr-1 text-sm text-3">
          <Age at={item.until} />
        </Stamp>
        <CopyButton text={item.text} label={t("transcript.message.copy")} />
        <PlaceLinkButton session={session} seq={item.seq} />
      </div>
    </div>
  );
});
