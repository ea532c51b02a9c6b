/** The log itself: each event as it is stored, filtered and found. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useSelect, useStore } from "@/bind/store";
import { t } from "@/i18n";
import { EmptyNote } from "@/parts/empty-note";
import { LoadingNote } from "@/parts/loading-note";
import { isLost } from "@/store/damage";
import type { State } from "@/store/state";
import type { Event } from "@/store/types";
import { Button } from "@/ui/button";
import { Select } from "@/ui/select";
import { TextField } from "@/ui/text-field";
import type { TabProps } from "../session-tabs";
import { EventRow } from "./event-row";
import { matching, typesOf } from "./matching";

const ROW = 28;

export function EventsTab({ session, at }: TabProps) {
  const store = useStore();
  const log = useSelect(useCallback((state: State) => state.logs.get(session.id) ?? null, [session.id]));
  const [type, setType] = useState("");
  const [text, setText] = useState("");
  const [open, setOpen] = useState<ReadonlySet<number>>(() => new Set(at === null ? [] : [at]));
  const scroller = useRef<HTMLDivElement>(null);
  const held = log?.events;
  // The log itself has nothing where something is lost.
  const events = useMemo(() => (held?.some(isLost) ? held.filter((event) => !isLost(event)) : held), [held]);
  const shown = useMemo(() => matching(events ?? [], type, text), [events, type, text]);
  const types = useMemo(() => typesOf(events ?? []), [events]);
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    getItemKey: (index) => shown[index]?.seq ?? index,
    estimateSize: () => ROW,
    overscan: 15,
  });
  useStart(shown, at, (index) => virtual.scrollToIndex(index, { align: at === null ? "end" : "center" }));
  const fold = useCallback((seq: number) => {
    setOpen((before) => {
      const next = new Set(before);
      if (!next.delete(seq)) next.add(seq);
      return next;
    });
  }, []);
  if (log === null || log.is !== "ready") return <LoadingNote label={t("events.loading")} />;
  const older = () => store.put({ is: "older", session: session.id });
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <header className="flex flex-wrap items-center gap-2 border-b border-line px-3 py-1.5">
        <div className="w-56 phone:w-full">
          <TextField
            type="search"
            value={text}
            onChange={setText}
            aria-label={t("events.find")}
            placeholder={t("events.find")}
          />
        </div>
        <Select
          look="quiet"
          aria-label={t("events.type")}
          value={type}
          onChange={setType}
          options={[{ id: "", label: t("events.all_types") }, ...types.map((id) => ({ id, label: id }))]}
        />
        <span className="flex-1 text-right text-sm text-3">
          {t("events.count", { count: shown.length, first: log.first, last: log.last })}
        </span>
        {log.first > 1 ? (
          <Button size="sm" working={log.loading !== "nothing"} onClick={older}>
            {t("events.older")}
          </Button>
        ) : null}
      </header>
      {shown.length === 0 ? (
        <EmptyNote title={t("events.none")}>
          {log.first > 1 ? <Button onClick={older}>{t("events.older")}</Button> : null}
        </EmptyNote>
      ) : (
        <div ref={scroller} className="min-h-0 flex-1 overflow-auto">
          <ol aria-label={t("events.label")} className="relative" style={{ height: virtual.getTotalSize() }}>
            {virtual.getVirtualItems().map((item) => {
              const event = shown[item.index];
              if (event === undefined) return null;
              return (
                <li
                  key={item.key}
                  ref={virtual.measureElement}
                  data-index={item.index}
                  className="absolute inset-x-0 top-0"
                  style={{ transform: `translateY(${item.start}px)` }}
                >
                  <EventRow
                    event={event}
                    look={open.has(event.seq) ? "open" : "line"}
                    marked={event.seq === at}
                    onFold={fold}
                  />
                </li>
              );
            })}
          </ol>
        </div>
      )}
    </div>
  );
}

/** Once there is something: at the event that was asked for, else at the end. */
function useStart(shown: readonly Event[], at: number | null, go: (index: number) => void): void {
  const gone = useRef<number | "end" | null>(null);
  useEffect(() => {
    const wanted = at ?? "end";
    if (gone.current === wanted || shown.length === 0) return;
    const index = at === null ? shown.length - 1 : shown.findIndex((event) => event.seq === at);
    if (index < 0) return;
    gone.current = wanted;
    go(index);
  });
}
