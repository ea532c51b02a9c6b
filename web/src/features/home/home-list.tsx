/** The rows, of which only those in sight are drawn. One of them has the keyboard. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useMemo, useRef, useState } from "react";
import { useActions } from "@/bind/actions";
import { useNav } from "@/bind/nav";
import { t } from "@/i18n";
import { lastShown } from "@/lib/last-shown";
import type { HomeGroup, HomeRow } from "@/store/select";
import { usePhone } from "@/ui/use-media";
import { SessionRow } from "./session-row";

type Line =
  | { readonly is: "heading"; readonly key: string; readonly title: string; readonly count: number }
  | { readonly is: "row"; readonly key: string; readonly row: HomeRow };

const ROW = 36;
const CARD = 78;
const HEADING = 32;

type HomeListProps = {
  readonly groups: readonly HomeGroup[];
  /** Whether somebody points at it or is in it: then it holds still. */
  readonly onTouched: (touched: boolean) => void;
};

export function HomeList({ groups, onTouched }: HomeListProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const phone = usePhone();
  const lines = useMemo(() => linesOf(groups), [groups]);
  const [current, setCurrent] = useState<string | null>(null);
  const at = Math.max(
    0,
    lines.findIndex((line) => line.key === current),
  );
  const first = lines.findIndex((line) => line.is === "row");
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    getItemKey: (index) => lines[index]?.key ?? index,
    estimateSize: (index) => (lines[index]?.is === "heading" ? HEADING : phone ? CARD : ROW),
    overscan: 12,
    // So that the first rows are drawn with the list, and not when its height is known.
    initialRect: { width: innerWidth, height: innerHeight },
  });

  const focus = useCallback((id: string) => setCurrent(id), []);
  const wanted = useRef<string | null>(null);
  const move = (step: number) => {
    let next = current === null ? first - step : at;
    do next += step;
    while (lines[next]?.is === "heading");
    const line = lines[next];
    if (line?.is !== "row") return;
    wanted.current = line.key;
    setCurrent(line.key);
    virtual.scrollToIndex(next);
    scroller.current?.querySelector<HTMLElement>(`[data-session="${CSS.escape(line.key)}"]`)?.focus();
  };
  const nav = useNav();
  const group = t("home.keys");
  useActions([
    { id: "home.down", name: t("home.next"), group, keys: ["j", "ArrowDown"], perform: () => move(1) },
    { id: "home.up", name: t("home.previous"), group, keys: ["k", "ArrowUp"], perform: () => move(-1) },
    {
      id: "home.open",
      name: t("home.open"),
      group,
      keys: ["o"],
      visible: () => lines[at]?.is === "row",
      perform: () => current !== null && nav.go({ to: "session", id: current }),
    },
    {
      id: "home.beside",
      name: t("home.beside"),
      group,
      keys: ["Shift+Enter"],
      visible: () => lines[at]?.is === "row",
      perform: () => {
        if (current === null) return;
        const last = lastShown();
        nav.go(
          last === null || last === current
            ? { to: "session", id: current }
            : { to: "session", id: last, beside: current },
        );
      },
    },
  ]);

  return (
    <div
      ref={scroller}
      className="min-h-0 flex-1 overflow-y-auto"
      onPointerEnter={() => onTouched(true)}
      onPointerLeave={() => onTouched(false)}
      onFocus={() => onTouched(true)}
      onBlur={() => onTouched(false)}
    >
      <ul aria-label={t("home.list")} className="relative" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const line = lines[item.index];
          if (line === undefined) return null;
          return (
            <li
              key={item.key}
              aria-setsize={lines.length}
              aria-posinset={item.index + 1}
              className="absolute inset-x-0 top-0"
              style={{ height: item.size, transform: `translateY(${item.start}px)` }}
            >
              {line.is === "heading" ? (
                <Heading title={line.title} count={line.count} />
              ) : (
                <SessionRow
                  row={line.row}
                  current={line.key === current || (current === null && item.index === first)}
                  onFocus={focus}
                  ref={
                    line.key === wanted.current
                      ? (link) => {
                          if (link === null || wanted.current !== line.key) return;
                          wanted.current = null;
                          link.focus({ preventScroll: true });
                        }
                      : undefined
                  }
                />
              )}
            </li>
          );
        })}
      </ul>
    </div>
  );
}

function Heading({ title, count }: { readonly title: string; readonly count: number }) {
  return (
    <h2 className="flex h-full items-center gap-2 border-b border-line bg-surface-1 px-3 text-sm font-medium text-2">
      <span className="truncate">{title}</span>
      <span className="text-3">{count}</span>
    </h2>
  );
}

function linesOf(groups: readonly HomeGroup[]): readonly Line[] {
  return groups.flatMap((group): Line[] => {
    const rows = group.rows.map((row): Line => ({ is: "row", key: row.id, row }));
    if (group.title === "") return rows;
    return [
      { is: "heading", key: `group:${group.key}`, title: group.title, count: group.rows.length },
      ...rows,
    ];
  });
}
