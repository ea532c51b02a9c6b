/** Where a turn begins: who asked, when, and what. */
import { memo } from "react";
import { t } from "@/i18n";
import { clock, instant } from "@/i18n/format";
import { CopyButton } from "@/parts/copy-button";
import { HiddenText } from "@/parts/hidden-text";
import { Stamp } from "@/parts/stamp";
import type { RowOf } from "@/store/rows";
import type { ContentBlock } from "@/store/types";
import { LongText } from "./long-text";
import { OtherBlock } from "./other-block";
import { PlaceLinkButton } from "./place-link-button";
import { RewindButton, TurnMenu } from "./turn-more";

type TurnRowProps = { readonly row: RowOf<"turn">; readonly session: string };

export const TurnRow = memo(function TurnRow({ row, session }: TurnRowProps) {
  const { prompt, record } = row;
  if (prompt === null) {
    return (
      <p className="text-sm text-3">{t("transcript.turn.begun_before", { number: record?.number ?? 0 })}</p>
    );
  }
  const at = instant(record?.started_at ?? prompt.at);
  return (
    <div data-turn="" className="group/row mt-3 rounded-md bg-surface-1 px-3 py-2">
      <div className="flex items-center gap-2 text-sm text-3">
        <span className="font-semibold text-2">
          {prompt.source === "user" ? t("transcript.turn.you") : t("transcript.turn.program")}
        </span>
        {at !== null && (
          <Stamp at={at} session={session} seq={row.seq}>
            <time dateTime={new Date(at).toISOString()}>{clock(at, Date.now())}</time>
          </Stamp>
        )}
        <span className="flex-1" />
        <span className="flex opacity-0 group-focus-within/row:opacity-100 group-hover/row:opacity-100 phone:hidden">
          <CopyButton text={textOf(prompt.content)} label={t("transcript.turn.copy")} />
          <PlaceLinkButton session={session} seq={row.seq} />
          <RewindButton prompt={prompt} />
        </span>
        <TurnMenu prompt={prompt} session={session} seq={row.seq} text={textOf(prompt.content)} />
      </div>
      <PromptContent id={row.id} content={prompt.content} />
    </div>
  );
});

export function textOf(content: readonly ContentBlock[]): string {
  return content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("\n");
}

type PromptContentProps = { readonly id: string; readonly content: readonly ContentBlock[] };

export function PromptContent({ id, content }: PromptContentProps) {
  return content.map((block, at) =>
    block.type === "text" ? (
      <LongText key={at} id={`prompt:${id}:${at}`} text={block.text} />
    ) : (
      <div key={at} className="mt-1">
        <OtherBlock block={block} />
      </div>
    ),
  );
}

/** A prompt that is on its way. */
export function PendingRow({ row }: { readonly row: RowOf<"pending"> }) {
  return (
    <div className="mt-3 rounded-md bg-surface-1 px-3 py-2">
      <p className="text-sm text-3">
        <span className="font-semibold text-2">{t("transcript.turn.you")}</span>{" "}
        <HiddenText text={t("transcript.turn.sending")} />
      </p>
      <PromptContent id={row.id} content={row.command.content} />
    </div>
  );
}
