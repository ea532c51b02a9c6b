/** Tells what a person does to the view from what the page does to it: a wheel, a finger, a key, the scroll bar. */
import { useEffect, useRef, type RefObject } from "react";

/** After a wheel or a key the view may move for so long; after a finger longer, it glides. */
const AFTER_KEY = 400;
const AFTER_TOUCH = 2500;

export type Hand = {
  /** Whether a movement by so much is a person's now: who turns the wheel up does not move down. */
  readonly moves: (by: number) => boolean;
};

const UP_KEYS = new Set(["ArrowUp", "PageUp", "Home"]);
const DOWN_KEYS = new Set(["ArrowDown", "PageDown", "End"]);

export function useHand(scroller: RefObject<HTMLElement | null>, onUp: () => void): Hand {
  const until = useRef(0);
  /** Where to, if the last that was done tells: -1 up, 1 down. */
  const towards = useRef(0);
  const held = useRef(false);
  const up = useRef(onUp);
  useEffect(() => {
    up.current = onUp;
  });
  useEffect(() => {
    const box = scroller.current;
    if (box === null) return;
    const acts = (ms: number, to: number) => {
      towards.current = Math.sign(to);
      until.current = Math.max(until.current, performance.now() + ms);
    };
    const wheel = (event: WheelEvent) => {
      acts(AFTER_KEY, event.deltaY);
      if (event.deltaY < 0 && box.scrollTop > 0) up.current();
    };
    const touch = () => acts(AFTER_TOUCH, 0);
    const key = (event: KeyboardEvent) => {
      acts(AFTER_KEY, UP_KEYS.has(event.key) ? -1 : DOWN_KEYS.has(event.key) ? 1 : 0);
      if (UP_KEYS.has(event.key) && event.target === box && box.scrollTop > 0) up.current();
    };
    const down = (event: PointerEvent) => {
      // On the scroll bar: what is clicked is the box itself.
      held.current = event.target === box && event.pointerType === "mouse";
    };
    const release = () => {
      if (held.current) acts(AFTER_KEY, 0);
      held.current = false;
    };
    box.addEventListener("wheel", wheel, { passive: true });
    box.addEventListener("touchmove", touch, { passive: true });
    box.addEventListener("keydown", key);
    box.addEventListener("pointerdown", down);
    window.addEventListener("pointerup", release);
    return () => {
      box.removeEventListener("wheel", wheel);
      box.removeEventListener("touchmove", touch);
      box.removeEventListener("keydown", key);
      box.removeEventListener("pointerdown", down);
      window.removeEventListener("pointerup", release);
    };
  }, [scroller]);
  return useRef<Hand>({
    moves: (by) =>
      held.current ||
      (performance.now() < until.current && (towards.current === 0 || towards.current === Math.sign(by))),
  }).current;
}
