/** The state of the connection, in the bar at the top and in a bar of its own when it is long gone. */
import { useEffect, useState } from "react";
import { useSelect, useSync } from "@/bind/store";
import { t } from "@/i18n";
import { clock } from "@/i18n/format";
import { keepTime } from "@/lib/clock";
import type { State } from "@/store/state";
import { Button } from "@/ui/button";
import { isMoving, stageOf, type Stage } from "./link-stage";

const link = (state: State) => state.link;

/** `data-link` is what the connection is now, where the words are slower. */
export function LinkState() {
  const stage = useStage();
  const { is: now } = useSelect(link);
  switch (stage.is) {
    case "quiet":
      return null;
    case "live":
    case "back":
      return (
        <span data-link={now} className="flex items-center gap-1.5 text-sm text-3">
          <span aria-hidden className="size-2 rounded-full bg-good" />
          <span className={stage.is === "live" ? "max-sm:sr-only" : undefined} role="status">
            {stage.is === "live" ? t("app.link.live") : t("app.link.back", { count: stage.count })}
          </span>
        </span>
      );
    case "reconnecting":
    case "lost":
      return (
        <span data-link={now} role="status" className="flex items-center gap-1.5 text-sm text-warn-ink">
          <span aria-hidden className="size-2 rounded-full border-2 border-warn" />
          {t("app.link.reconnecting")}
        </span>
      );
  }
}

export function LinkBar() {
  const held = useSelect(link);
  const stage = useStage();
  const sync = useSync();
  if (stage.is !== "lost") return null;
  return (
    <div
      role="alert"
      className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line bg-warn-tint px-3 py-1.5 text-warn-ink"
    >
      <span>{t("app.link.lost", { time: clock(stage.since, Date.now()) })}</span>
      {held.is === "waiting" ? <NextTry at={held.retry_at} /> : null}
      <Button size="sm" onClick={sync.wake}>
        {t("app.link.try_now")}
      </Button>
    </div>
  );
}

function NextTry({ at }: { readonly at: number }) {
  const now = useNow(1_000);
  return <span>{t("app.link.next_try", { n: Math.max(0, Math.ceil((at - now) / 1000)) })}</span>;
}

const told = (state: State) => state;
const sameTold = (a: State, b: State) =>
  a.link === b.link && a.saved_at === b.saved_at && a.version === b.version;

function useStage(): Stage {
  const state = useSelect(told, sameTold);
  const now = useNow(isMoving(state, Date.now()) ? 500 : null);
  // What came since the clock was last looked at is newer than that.
  return stageOf(state, Math.max(now, "since" in state.link ? state.link.since : 0));
}

/** The time, looked at every so often; not at all for `null`. */
function useNow(every: number | null): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (every === null) return;
    return keepTime({
      write: (time) => {
        setNow(time);
        return every;
      },
    });
  }, [every]);
  return now;
}
