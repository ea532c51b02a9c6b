/** The turns of a session, newest first: what each was asked, how it spent its time, how it ended. */
import { useCallback, useEffect, useState } from "react";
import { useSelect, useStore } from "@/bind/store";
import { t } from "@/i18n";
import { keepTime } from "@/lib/clock";
import { EmptyNote } from "@/parts/empty-note";
import { LoadingNote } from "@/parts/loading-note";
import { isRunning, lengthOf, newTimeline, type TimelineTurn } from "@/store/timeline";
import type { State } from "@/store/state";
import { Button } from "@/ui/button";
import type { TabProps } from "../session-tabs";
import { TurnBar } from "./turn-bar";

const none: readonly TimelineTurn[] = [];

export function TimelineTab({ session }: TabProps) {
  const store = useStore();
  const [select] = useState(newTimeline);
  const turns = useSelect(
    useCallback(
      (state: State) => {
        const log = state.logs.get(session.id);
        return log === undefined ? none : select(log.transcript);
      },
      [session.id, select],
    ),
  );
  const log = useSelect(useCallback((state: State) => state.logs.get(session.id) ?? null, [session.id]));
  const now = useNow(turns.some(isRunning));
  if (log === null || log.is !== "ready") return <LoadingNote label={t("timeline.loading")} />;
  if (turns.length === 0) return <EmptyNote title={t("timeline.empty")} />;
  const longest = Math.max(...turns.map((turn) => lengthOf(turn, now)));
  return (
    <div className="p-3">
      <ol aria-label={t("timeline.label")} className="flex flex-col">
        {[...turns].reverse().map((turn) => (
          <li key={turn.id} className="border-b border-line py-2">
            <TurnBar session={session} turn={turn} longest={longest} length={lengthOf(turn, now)} />
          </li>
        ))}
      </ol>
      {log.first > 1 ? (
        <Button
          className="mt-3"
          working={log.loading !== "nothing"}
          onClick={() => store.put({ is: "older", session: session.id })}
        >
          {t("timeline.older")}
        </Button>
      ) : null}
    </div>
  );
}

/** The time, each second while something goes on: bars grow with it. */
function useNow(goes: boolean): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!goes) return;
    return keepTime({
      write(at) {
        setNow(at);
        return 1000;
      },
    });
  }, [goes]);
  return now;
}
