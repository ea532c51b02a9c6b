/** One event: a line, or all of it. */
import { memo } from "react";
import { PlaceLink, useNav } from "@/bind/nav";
import { t } from "@/i18n";
import { cx } from "@/lib/cx";
import { CopyButton } from "@/parts/copy-button";
import { HiddenText } from "@/parts/hidden-text";
import type { Event } from "@/store/types";
import { Icon } from "@/ui/icon";
import { gist } from "./matching";

type EventRowProps = {
  readonly event: Event;
  readonly look: "line" | "open";
  /** Whether the address leads to it. */
  readonly marked: boolean;
  readonly onFold: (seq: number) => void;
};

export const EventRow = memo(function EventRow({ event, look, marked, onFold }: EventRowProps) {
  return (
    <div className={cx("border-b border-line", marked && "bg-attention-tint")}>
      <button
        type="button"
        aria-expanded={look === "open"}
        onClick={() => onFold(event.seq)}
        className="focus-inset flex min-h-7 w-full items-center gap-2 px-3 text-left font-mono text-sm hover:bg-surface-1"
      >
        <Icon name={look === "open" ? "down" : "right"} size={12} className="shrink-0 text-3" />
        <span className="w-12 shrink-0 text-right text-3">{event.seq}</span>
        <time dateTime={event.at} title={event.at} className="shrink-0 text-3 phone:hidden">
          {event.at.slice(11, 23)}
        </time>
        <span className="shrink-0">{event.type}</span>
        <span className="min-w-0 flex-1 truncate text-3">
          {look === "line" ? <HiddenText text={gist(event)} how="command" /> : null}
        </span>
      </button>
      {look === "open" ? <Whole event={event} /> : null}
    </div>
  );
});

function Whole({ event }: { readonly event: Event }) {
  const nav = useNav();
  const json = JSON.stringify(event, null, 2);
  const link = () =>
    new URL(nav.href({ to: "session", id: event.session, tab: "events", at: event.seq }), location.origin)
      .href;
  return (
    <div className="px-3 pb-2 pl-8">
      <div className="flex flex-wrap items-center gap-2">
        <CopyButton look="word" label={t("events.copy")} text={json} />
        <CopyButton look="word" label={t("events.link")} text={link} />
        <PlaceLink place={{ to: "session", id: event.session, at: event.seq }} className="text-sm">
          {t("events.in_talk")}
        </PlaceLink>
      </div>
      <pre
        tabIndex={0}
        className="max-h-96 overflow-auto rounded-md bg-surface-1 p-2 font-mono text-sm whitespace-pre-wrap break-words"
      >
        <HiddenText text={json} how="command" />
      </pre>
    </div>
  );
}
