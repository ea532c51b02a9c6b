/** The state of the connection: nothing for the first moments, then one steady word, then a bar that says what it means. */
import { useEffect, useState } from "react";
import { useSelect, useSync } from "@/bind/store";
import { t } from "@/i18n";
import { keepTime } from "@/lib/clock";
import { clock } from "@/i18n/format";
import type { Link, State } from "@/store/state";
import { Button } from "@/ui/button";

/** After so many milliseconds without the server the word shows, and after so many the bar. */
const WORD_MS = 1_500;
const BAR_MS = 30_000;

const link = (state: State) => state.link;

export function LinkState() {
  const stage = useStage(useSelect(link));
  if (stage.is === "quiet" || stage.is === "live") {
    return (
      <span className="flex items-center gap-1.5 text-sm text-3">
        <span aria-hidden className="size-2 rounded-full bg-good" />
        <span className="max-sm:sr-only">{t("app.link.live")}</span>
      </span>
    );
  }
  return (
    <span role="status" className="flex items-center gap-1.5 text-sm text-warn-ink">
      <span aria-hidden className="size-2 rounded-full border-2 border-warn" />
      {t("app.link.reconnecting")}
    </span>
  );
}

export function LinkBar() {
  const held = useSelect(link);
  const stage = useStage(held);
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

type Stage =
  { readonly is: "live" | "quiet" } | { readonly is: "reconnecting" | "lost"; readonly since: number };

/** How bad it is, told only when that changes. */
function useStage(held: Link): Stage {
  const [since, setSince] = useState<number | null>(null);
  const broken = held.is !== "live" && held.is !== "catching_up";
  if (broken && since === null) setSince(Date.now());
  if (!broken && since !== null) setSince(null);
  const now = useNow(since === null ? null : 500);
  if (since === null) return { is: "live" };
  if (now - since >= BAR_MS) return { is: "lost", since };
  return now - since >= WORD_MS ? { is: "reconnecting", since } : { is: "quiet" };
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
