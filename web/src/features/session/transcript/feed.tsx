/** The transcript: its rows in sight, what stands before and after them, and the way back to the end. */
import { useEffect, useMemo, useRef, useState } from "react";
import { useActions } from "@/bind/actions";
import { useStore } from "@/bind/store";
import { t } from "@/i18n";
import { cx } from "@/lib/cx";
import { rowOf, type Row } from "@/store/rows";
import type { Log } from "@/store/log";
import type { Session } from "@/store/types";
import { Button } from "@/ui/button";
import { FindLayer } from "../find/find-layer";
import { CalmProvider, newCalm } from "./calm";
import { feedActions } from "./feed-actions";
import { FeedEnds } from "./feed-ends";
import { FoldsProvider, newFolds } from "./folds";
import { countNew, listed } from "./listed";
import { RowView } from "./row-view";
import { useDecisions } from "./use-decisions";
import { HEAD, useFeed } from "./use-feed";
import { useRows, useWindow } from "./use-rows";
import { useSeen } from "./use-seen";

/** Whether somebody wants to find something here: how often it was asked for, 0 if not. */
export type Finding = { readonly asked: number; readonly ask: () => void; readonly close: () => void };

type FeedProps = {
  readonly session: Session;
  readonly at: number | null;
  readonly keys: "on" | "off";
  /** Counts prompts that were sent here: each one leads back to the end. */
  readonly sent: number;
  readonly finding: Finding;
};

export function Feed({ session, at, keys, sent, finding }: FeedProps) {
  const store = useStore();
  const { id, agent, worker, state: sessionState, cwd } = session;
  const scroller = useRef<HTMLDivElement>(null);
  const window = useWindow(id);
  const seen = useSeen(id);
  const rows = useRows(id, seen.line);
  const list = useMemo(() => listed(rows), [rows]);
  const decided = useDecisions(id);
  const { virtualizer, state, move, onScroll } = useFeed({ session: id, list, window, at, scroller });
  const [folds] = useState(newFolds);
  const [calm] = useState(newCalm);
  folds.onToggle = () => move({ is: "folded" });
  seen.look(state.mode === "following" ? window.last : 0);

  const answered = useRef(sent);
  useEffect(() => {
    if (answered.current === sent) return;
    answered.current = sent;
    move({ is: "to_end" });
  }, [sent, move]);
  const goal = useRef(at);
  useEffect(() => {
    if (at !== null && at !== goal.current) move({ is: "to_row", id: null, seq: at, top: 64 });
    goal.current = at;
  }, [at, move]);
  useActions(
    keys === "off"
      ? []
      : feedActions({ list, virtualizer, move, folds, scroller, store, session: id, window }),
  );

  const shown = useMemo(
    () => ({ id, agent, worker, state: sessionState }),
    [id, agent, worker, sessionState],
  );
  const target = at === null ? null : targetOf(list.rows, store.get().logs.get(id), at);
  const items = virtualizer.getVirtualItems();
  const fresh = state.mode === "reading" ? countNew(list.rows, state.left) : 0;
  const lastRow = lastOf(list.rows);
  return (
    <FoldsProvider value={folds}>
      <CalmProvider value={calm}>
        <div className="relative flex min-h-0 flex-1 flex-col">
          <div
            ref={scroller}
            onScroll={() => {
              calm.stir();
              onScroll();
            }}
            tabIndex={0}
            role="feed"
            aria-label={t("transcript.label")}
            aria-busy={window.loading !== "nothing"}
            data-scroll={state.mode}
            className="focus-inset min-h-0 flex-1 overflow-x-hidden overflow-y-auto overscroll-contain [overflow-anchor:none]"
          >
            <div className="relative mx-auto w-full max-w-4xl" style={{ height: virtualizer.getTotalSize() }}>
              <div className="absolute inset-x-0 top-0 px-3" style={{ height: HEAD }}>
                <FeedEnds session={id} window={window} end="before" />
              </div>
              <div
                data-rows=""
                className="absolute inset-x-0 top-0 px-3"
                style={{ transform: `translateY(${items[0]?.start ?? 0}px)` }}
              >
                {items.map(({ index, key }) => {
                  const row = list.rows[index];
                  if (row === undefined) return null;
                  return (
                    <article
                      key={key}
                      ref={virtualizer.measureElement}
                      data-index={index}
                      data-row={row.kind}
                      data-id={row.id}
                      data-seq={row.seq}
                      tabIndex={-1}
                      aria-posinset={index + 1}
                      aria-setsize={list.before === "older" || list.after === "newer" ? -1 : list.rows.length}
                      className={cx(
                        "focus-inset flow-root rounded-md py-0.5",
                        row.id === target && "bg-busy-tint outline-2 outline-offset-1 outline-accent",
                      )}
                    >
                      <RowView
                        row={row}
                        session={shown}
                        cwd={cwd}
                        place={row === lastRow ? "last" : "before"}
                        decided={row.kind === "tool" ? decided(row.item.permission) : null}
                      />
                    </article>
                  );
                })}
              </div>
            </div>
            {list.after === "newer" && <FeedEnds session={id} window={window} end="after" />}
          </div>
          {finding.asked > 0 && (
            <FindLayer
              session={id}
              agent={agent}
              worker={worker}
              cwd={cwd}
              rows={list.rows}
              window={window}
              scroller={scroller}
              folds={folds}
              mode={state.mode}
              move={move}
              asked={finding.asked}
              onClose={finding.close}
            />
          )}
          {state.mode === "reading" && (fresh > 0 || !isAtEnd(scroller.current)) && (
            <div className="pointer-events-none absolute inset-x-0 bottom-2 flex justify-center">
              <Button
                icon="arrow-down"
                className="animate-in pointer-events-auto rounded-full! bg-surface-0"
                onClick={() => move({ is: "to_end" })}
              >
                {fresh === 0 ? t("transcript.jump") : t("transcript.jump_new", { count: fresh })}
              </Button>
            </div>
          )}
        </div>
      </CalmProvider>
    </FoldsProvider>
  );
}

/** The row that an address leads to, if its event is held. */
function targetOf(rows: readonly Row[], log: Log | undefined, at: number): string | null {
  const event = log?.events[at - log.first];
  return event === undefined ? null : (rowOf(rows, event)?.id ?? null);
}

function isAtEnd(box: HTMLElement | null): boolean {
  return box === null || box.scrollHeight - box.clientHeight - box.scrollTop < 1;
}

/** The last row that tells of something done; what ends a turn does not count. */
function lastOf(rows: readonly Row[]): Row | undefined {
  for (let at = rows.length - 1; at >= 0; at -= 1) {
    const row = rows[at];
    if (row === undefined || row.kind === "end" || row.kind === "new") continue;
    if (row.kind === "note" && row.item.event.type === "session_stopped") continue;
    return row;
  }
  return undefined;
}
