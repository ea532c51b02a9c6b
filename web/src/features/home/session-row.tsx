/** One session in the list. */
import { memo, type Ref } from "react";
import { PlaceLink } from "@/bind/nav";
import { t } from "@/i18n";
import { cx } from "@/lib/cx";
import { Age } from "@/parts/age";
import { Badge } from "@/parts/badge";
import { FreshDot } from "@/parts/fresh-dot";
import { HiddenText } from "@/parts/hidden-text";
import { TokensAndCost } from "@/parts/tokens-and-cost";
import type { HomeRow } from "@/store/select";
import { Icon } from "@/ui/icon";
import { rowLine, type RowLine } from "./row-line";

const inks = {
  plain: "text-2",
  attention: "text-attention-ink",
  bad: "text-bad-ink",
} as const satisfies Record<RowLine["tone"], string>;

type SessionRowProps = {
  readonly row: HomeRow;
  /** Whether the keyboard is on it: the one row of the list that Tab reaches. */
  readonly current: boolean;
  readonly onFocus: (id: string) => void;
  readonly ref?: Ref<HTMLAnchorElement>;
};

export const SessionRow = memo(function SessionRow({ row, current, onFocus, ref }: SessionRowProps) {
  if (row.is === "creating") return <CreatingRow title={row.command.title} agent={row.command.agent} />;
  const { session, intent, finished } = row;
  const line = rowLine(session);
  const at = session.last_line?.at ?? session.updated_at;
  return (
    <PlaceLink
      ref={ref}
      place={{ to: "session", id: row.id }}
      tabIndex={current ? 0 : -1}
      onFocus={() => onFocus(row.id)}
      data-session={row.id}
      className={cx(
        "focus-inset grid items-center gap-x-3 border-b border-line px-3 text-1 no-underline hover:bg-surface-1",
        "phone:grid-cols-[1fr_auto] phone:gap-y-0.5 phone:py-2.5",
        "h-full grid-cols-[7.5rem_minmax(8rem,16rem)_1fr_5rem_6rem_5rem_7rem_3rem]",
        "narrow:grid-cols-[7rem_minmax(0,2fr)_minmax(0,3fr)_4.5rem_3rem]",
        session.archived && "text-2",
      )}
    >
      <span className="phone:order-1 phone:hidden">
        <Badge
          badge={session.badge}
          state={intent === "stop" ? "stopping" : session.state}
          archived={session.archived}
        />
      </span>
      <span className="flex min-w-0 items-center gap-1.5 phone:order-1">
        <span className="hidden phone:inline-flex">
          <Badge badge={session.badge} state={session.state} archived={session.archived} look="glyph" />
        </span>
        <span className="truncate font-medium">
          {session.title === "" ? (
            t("home.untitled", { id: session.short_id })
          ) : (
            <HiddenText text={session.title} />
          )}
        </span>
        {finished ? <FreshDot /> : null}
        {session.stop_verified === false ? (
          <span className="text-sm text-warn-ink">{t("shared.badge.unverified")}</span>
        ) : null}
      </span>
      <span className={cx("truncate phone:order-3 phone:col-span-2", inks[line.tone])}>
        <HiddenText text={line.text} />
      </span>
      <span className="truncate text-2 phone:order-4">
        {session.agent}
        <span className="hidden phone:inline">{session.branch === null ? "" : ` · ${session.branch}`}</span>
      </span>
      <span className="truncate text-3 narrow:hidden phone:hidden">
        {session.branch === null ? null : (
          <span className="inline-flex max-w-full items-center gap-1">
            <Icon name="branch" size={12} className="shrink-0" />
            <span className="truncate">{session.branch}</span>
          </span>
        )}
      </span>
      <span className="truncate text-3 narrow:hidden phone:hidden">{session.worker ?? ""}</span>
      <span className="truncate text-right text-sm text-3 narrow:hidden phone:order-5">
        <TokensAndCost usage={session.usage} agent={session.agent} />
      </span>
      <span className="text-right text-3 phone:order-2">
        <Age at={at} id={row.id} />
      </span>
    </PlaceLink>
  );
});

/** It was asked for; its id comes with the answer. */
function CreatingRow({ title, agent }: { readonly title: string; readonly agent: string }) {
  return (
    <div className="grid h-full grid-cols-[7.5rem_1fr_5rem] items-center gap-x-3 border-b border-line px-3 text-2">
      <Badge badge="running" state="starting" />
      <span className="truncate">{title}</span>
      <span className="truncate">{agent}</span>
    </div>
  );
}
