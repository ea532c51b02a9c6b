/** Tells a screen reader once that a turn has ended; not each word of it. */
import { useEffect, useRef } from "react";
import { t } from "@/i18n";
import { announce } from "@/lib/announcements";
import type { Session } from "@/store/types";

export function useTurnNews({ last_turn: turn }: Session): void {
  const known = useRef(turn?.id ?? null);
  useEffect(() => {
    if (turn === null || turn.id === known.current) return;
    known.current = turn.id;
    const bad =
      turn.stop_reason === "failed" || turn.stop_reason === "interrupted" || turn.stop_reason === "timeout";
    if (turn.stop_reason === "cancelled") announce(t("transcript.announce.canceled"));
    else announce(bad ? t("transcript.announce.failed") : t("transcript.announce.finished"));
  }, [turn]);
}
