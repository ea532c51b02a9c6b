/** Brings the view to where it shall be, and asks for what is there if it is not held. */
import { useLayoutEffect, useRef, type RefObject } from "react";
import type { Virtualizer } from "@tanstack/react-virtual";
import { useStore } from "@/bind/store";
import { rowOf, type Row } from "@/store/rows";
import type { Goal, MovedHere, Scroll } from "./scroll";
import { settle } from "./settle";
import type { Window } from "./use-rows";

type GoalInput = {
  readonly state: Scroll;
  readonly rows: readonly Row[];
  readonly window: Window;
  readonly session: string;
  readonly scroller: RefObject<HTMLDivElement | null>;
  readonly virtualizer: Virtualizer<HTMLDivElement, HTMLElement>;
  readonly move: (moved: MovedHere) => void;
};

export function useGoal({ state, rows, window, session, scroller, virtualizer, move }: GoalInput): void {
  const store = useStore();
  const goal = state.mode === "jumping" ? state.to : null;
  const ready = window.is === "ready" && (window.loading === "nothing" || window.loading === "older");
  const held = useRef(rows);
  held.current = rows;
  const asked = useRef<unknown>(null);
  const empty = rows.length === 0;
  const begun = window.last > 0;
  // A text that streams in meanwhile does not begin the way anew.
  const isHeld = goal !== null && holds(goal, rows, window);
  useLayoutEffect(() => {
    if (goal === null || !ready) return;
    if (!isHeld && asked.current !== goal) {
      asked.current = goal;
      store.put(goal.is === "end" ? { is: "latest", session } : { is: "around", session, seq: goal.seq });
      return;
    }
    if (empty) {
      // Nothing was said yet; what comes is followed.
      if (goal.is === "end" || begun) move({ is: "arrived" });
      return;
    }
    const index = () => {
      if (goal.is === "end") return null;
      const own = held.current.findIndex((row) => row.id === goal.id);
      if (own !== -1) return own;
      const log = store.get().logs.get(session);
      const event = log?.events[goal.seq - log.first];
      const row = event === undefined ? null : rowOf(held.current, event);
      if (row !== null) return held.current.indexOf(row);
      // An event that no row shows, such as the first one: what comes after it is as near as it gets.
      const next = held.current.findIndex(({ seq }) => seq >= goal.seq);
      return next === -1 ? null : next;
    };
    const top = goal.is === "end" ? 0 : goal.top;
    return settle({
      scroller: scroller.current,
      virtualizer,
      index,
      top,
      done: () => move({ is: "arrived" }),
    });
  }, [goal, ready, isHeld, begun, empty, session, store, scroller, virtualizer, move]);
}

function holds(goal: Goal, rows: readonly Row[], { first, last, live }: Window): boolean {
  if (goal.is === "end") return live;
  return (goal.seq >= first && (goal.seq <= last || live)) || rows.some((row) => row.id === goal.id);
}
