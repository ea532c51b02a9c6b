/** One turn: its number and words, a bar of its time, and how it ended. Leads to its place in the talk. */
import { PlaceLink } from "@/bind/nav";
import { t } from "@/i18n";
import { duration, instant } from "@/i18n/format";
import { cx } from "@/lib/cx";
import { Age } from "@/parts/age";
import { Elapsed } from "@/parts/elapsed";
import { HiddenText } from "@/parts/hidden-text";
import { TokensAndCost } from "@/parts/tokens-and-cost";
import { isRunning, type Span, type TimelineTurn } from "@/store/timeline";
import type { Session } from "@/store/types";

const inks = {
  thought: "bg-quiet",
  answer: "bg-good",
  tool: "bg-busy",
  asked: "bg-attention",
} as const satisfies Record<Span["kind"], string>;

type TurnBarProps = {
  readonly session: Session;
  readonly turn: TimelineTurn;
  /** The longest turn of all, in milliseconds: what a whole width is. */
  readonly longest: number;
  /** How long this one took, or takes until now. */
  readonly length: number;
};

export function TurnBar({ session, turn, longest, length }: TurnBarProps) {
  const running = isRunning(turn);
  const usage = turn.ended?.usage;
  return (
    <article className="flex flex-col gap-1.5">
      <header className="flex flex-wrap items-baseline gap-x-3 gap-y-0.5">
        <PlaceLink place={{ to: "session", id: session.id, at: turn.seq }} className="font-medium">
          {turn.number === null ? t("timeline.before") : t("timeline.turn", { number: turn.number })}
        </PlaceLink>
        <span className="min-w-0 flex-1 truncate">
          <HiddenText text={promptOf(turn)} />
        </span>
        {turn.taken && <span className="text-warn-ink">{t("timeline.taken")}</span>}
        <span
          className={cx("text-2", turn.ended && turn.ended.stop_reason !== "end_turn" && "text-warn-ink")}
        >
          {turn.ended ? t(`timeline.ended.${turn.ended.stop_reason}`) : t("timeline.running")}
        </span>
        {turn.started_at === null ? null : (
          <span className="text-3">
            <Age at={turn.started_at} id={turn.id} />
          </span>
        )}
      </header>
      <Bar turn={turn} longest={longest} length={length} />
      <p className="flex flex-wrap gap-x-3 text-sm text-3">
        {running && turn.started_at !== null ? <Elapsed since={turn.started_at} /> : null}
        {turn.took_ms === null ? null : <span>{duration(turn.took_ms)}</span>}
        <Waited turn={turn} />
        {turn.tools === 0 ? null : <span>{t("timeline.tools", { count: turn.tools })}</span>}
        {turn.failed === 0 ? null : (
          <span className="text-bad-ink">{t("timeline.failed", { count: turn.failed })}</span>
        )}
        {turn.asked === 0 ? null : <span>{t("timeline.asked", { count: turn.asked })}</span>}
        {usage ? <TokensAndCost usage={usage} agent={session.agent} /> : null}
        {turn.ended?.failure ? <span className="text-bad-ink">{turn.ended.failure.summary}</span> : null}
      </p>
    </article>
  );
}

/** How long it stood in the queue, where that was worth a word. */
function Waited({ turn }: { readonly turn: TimelineTurn }) {
  const from = instant(turn.queued_at);
  const to = instant(turn.started_at);
  if (from === null || to === null || to - from < 1000) return null;
  return <span>{t("timeline.waited", { time: duration(to - from) })}</span>;
}

function Bar({ turn, longest, length: end }: Omit<TurnBarProps, "session">) {
  const whole = Math.max(longest, end, 1);
  const part = (ms: number) => `${((100 * ms) / whole).toFixed(2)}%`;
  return (
    <div aria-hidden data-bar="" className="relative h-2 overflow-hidden rounded-sm bg-surface-1">
      <span className="absolute inset-y-0 left-0 bg-surface-3" style={{ width: part(end) }} />
      {turn.spans.map((span) => (
        <span
          key={span.item}
          className={cx("absolute inset-y-0 min-w-px", inks[span.kind])}
          style={{ left: part(span.from), width: part((span.to ?? end) - span.from) }}
        />
      ))}
    </div>
  );
}

function promptOf(turn: TimelineTurn): string {
  const text = turn.prompt?.content.map((block) => (block.type === "text" ? block.text : "")).join(" ") ?? "";
  return text.split("\n", 1)[0] ?? "";
}
