/** The list that stands still: what is in sight, where one is in it, and what is loaded for it. */
import { useCallback, useEffect, useMemo, useReducer, useRef, type RefObject } from "react";
import { useVirtualizer, type Virtualizer } from "@tanstack/react-virtual";
import { useStore } from "@/bind/store";
import type { Row } from "@/store/rows";
import { holdsEnd, NEAR, scroll, type Moved, type MovedHere, type Scroll } from "./scroll";
import { likelyHeight, type Listed } from "./listed";
import { keepPlace, keptPlace } from "./place";
import { useGoal } from "./use-goal";
import { useHand } from "./use-hand";
import { useSelection } from "./use-selection";
import { useSteady } from "./use-steady";
import type { Window } from "./use-rows";

/** Earlier turns are loaded when so many screens are left above. */
const SCREENS = 2;
export const HEAD = 44;
const RESTS = 200;

export type FeedHandle = {
  readonly virtualizer: Virtualizer<HTMLDivElement, HTMLElement>;
  readonly state: Scroll;
  readonly move: (moved: MovedHere) => void;
  readonly onScroll: () => void;
};

type FeedInput = {
  readonly session: string;
  readonly list: Listed;
  readonly window: Window;
  /** The event that the address leads to. */
  readonly at: number | null;
  readonly scroller: RefObject<HTMLDivElement | null>;
};

export function useFeed({ session, list, window, at, scroller }: FeedInput): FeedHandle {
  const store = useStore();
  const { rows } = list;
  const [state, dispatch] = useReducer(scroll, null, () => beginning(session, at));
  const last = useRef(window.last);
  last.current = window.last;
  const move = useCallback((moved: MovedHere) => dispatch({ ...moved, last: last.current } as Moved), []);
  const keys = useKeys(rows);
  const atEnd = holdsEnd(state);
  const placed = useRef<Virtualizer<HTMLDivElement, HTMLElement>>(null);
  // The list hears of a scroll one frame late. Where rows come or go in that frame it counts from where the view really is.
  if (state.mode === "reading" && placed.current !== null && scroller.current !== null) {
    placed.current.scrollOffset = scroller.current.scrollTop;
  }
  const steady = useSteady(scroller);
  const virtualizer = useVirtualizer<HTMLDivElement, HTMLElement>({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => likelyHeight(rows[index]),
    getItemKey: useCallback((index: number) => keys[index] ?? index, [keys]),
    overscan: 10,
    measureElement: heightOf,
    paddingStart: HEAD,
    paddingEnd: 16,
    anchorTo: "end",
    scrollToFn: steady.scrollToFn,
    followOnAppend: atEnd,
    scrollEndThreshold: atEnd ? NEAR : -1,
    // What will be in sight is drawn with the list and in pieces. Found out when the list is there, it would be drawn at once.
    initialRect: { width: innerWidth, height: innerHeight },
    initialOffset: () => likelyOffset(rows, state),
  });
  placed.current = virtualizer;
  steady.watch(virtualizer, state.mode);
  const hand = useHand(scroller, () => {
    virtualizer.cancelScroll();
    move({ is: "up" });
  });

  useGoal({ state, rows, window, session, scroller, virtualizer, move });
  useSelection(scroller, move);

  const load = useCallback(() => {
    const box = scroller.current;
    if (box === null || window.loading !== "nothing" || state.mode === "jumping" || window.is !== "ready")
      return;
    const near = SCREENS * box.clientHeight;
    if (window.first > 1 && window.failed === null && box.scrollTop < near)
      store.put({ is: "older", session });
    else if (!window.live && box.scrollHeight - box.clientHeight - box.scrollTop < near) {
      store.put({ is: "newer", session });
    }
  }, [scroller, window, state.mode, store, session]);
  useEffect(load, [load, rows]);

  const before = useRef(0);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const rest = useCallback(() => {
    const box = scroller.current;
    if (box === null || state.mode === "jumping") return;
    const place = state.mode === "following" ? null : placeIn(box, rows);
    keepPlace(session, place);
    store.put({ is: "reader", session, seq: place?.seq ?? null });
  }, [scroller, state.mode, rows, session, store]);
  const resting = useRef(rest);
  resting.current = rest;
  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => resting.current(), [state.mode]);

  const onScroll = () => {
    const box = scroller.current;
    if (box === null) return;
    steady.look();
    const by = box.scrollTop - before.current;
    before.current = box.scrollTop;
    const gap = box.scrollHeight - box.clientHeight - box.scrollTop;
    move({ is: "scrolled", by, gap, who: hand.moves(by) ? "person" : "page" });
    load();
    clearTimeout(timer.current);
    timer.current = setTimeout(() => resting.current(), RESTS);
  };
  return { virtualizer, state, move, onScroll };
}

function beginning(session: string, at: number | null): Scroll {
  if (at !== null) return { mode: "jumping", to: { is: "row", id: null, seq: at, top: 64 }, left: Infinity };
  const place = keptPlace(session);
  if (place === null) return { mode: "jumping", to: { is: "end" }, left: Infinity };
  return { mode: "jumping", to: { is: "row", ...place }, left: Infinity };
}

/** Where the view will be, by heights that are likely. */
function likelyOffset(rows: readonly Row[], state: Scroll): number {
  const to = state.mode === "jumping" && state.to.is === "row" ? state.to : null;
  const until = to === null ? rows.length : rows.findIndex((row) => row.seq >= to.seq);
  const above = rows.slice(0, until).reduce((sum, row) => sum + likelyHeight(row), HEAD);
  return Math.max(0, above - (to === null ? innerHeight : to.top));
}

/** The same list of keys as long as the keys are the same: then nothing has to be laid out again. */
function useKeys(rows: readonly Row[]): readonly string[] {
  const held = useRef<readonly string[]>([]);
  return useMemo(() => {
    const same = held.current.length === rows.length && rows.every((row, at) => row.id === held.current[at]);
    if (!same) held.current = rows.map((row) => row.id);
    return held.current;
  }, [rows]);
}

/** To fractions of a pixel: rounded heights would add up while rows come and go. */
function heightOf(row: HTMLElement, entry: ResizeObserverEntry | undefined): number {
  return entry?.borderBoxSize[0]?.blockSize ?? row.getBoundingClientRect().height;
}

/** The row at the upper edge, as it is drawn. */
function placeIn(box: HTMLElement, rows: readonly Row[]) {
  const edge = box.getBoundingClientRect().top;
  for (const element of box.querySelectorAll<HTMLElement>("article[data-index]")) {
    const { top, bottom } = element.getBoundingClientRect();
    const row = rows[Number(element.dataset.index)];
    if (bottom > edge && row !== undefined) return { id: row.id, seq: row.seq, top: top - edge };
  }
  return null;
}
