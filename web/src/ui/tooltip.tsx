/**
 * A short text for the hand and the keyboard on what it belongs to. It never says what is already written there. One for the whole
 * page, of our own: a library's would be the largest part of a button.
 */
import {
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
  useSyncExternalStore,
  type FocusEvent,
  type PointerEvent,
  type ReactNode,
} from "react";
import { Kbd } from "./kbd";

type Tip = { readonly on: HTMLElement; readonly text: string; readonly keys: string | undefined };

/** Who points at something means it after so long; right after another one, at once. */
const PATIENCE = 400;
const WARM = 300;
const GAP = 4;
const EDGE = 8;

let shown: Tip | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;
let hidden = 0;
const watching = new Set<() => void>();

function set(tip: Tip | null): void {
  clearTimeout(timer);
  if (tip === shown) return;
  if (tip === null) hidden = performance.now();
  shown = tip;
  for (const changed of watching) changed();
}

function hide(): void {
  set(null);
}

type On = HTMLButtonElement;

/** What a button with a tooltip listens to. */
export function tooltip(text: string, keys: string | undefined) {
  const point = (on: On, wait: number) => {
    clearTimeout(timer);
    timer = setTimeout(() => set({ on, text, keys }), wait);
  };
  return {
    onPointerEnter: ({ currentTarget, pointerType }: PointerEvent<On>): void => {
      if (pointerType !== "touch") point(currentTarget, performance.now() - hidden < WARM ? 0 : PATIENCE);
    },
    onPointerLeave: hide,
    onPointerDown: hide,
    onFocus: ({ currentTarget }: FocusEvent<On>): void => {
      if (currentTarget.matches(":focus-visible")) point(currentTarget, 0);
    },
    onBlur: hide,
  };
}

function watch(changed: () => void): () => void {
  watching.add(changed);
  return () => watching.delete(changed);
}

/** Once, around the page. */
export function TooltipProvider({ children }: { readonly children: ReactNode }) {
  const tip = useSyncExternalStore(
    watch,
    () => shown,
    () => null,
  );
  return (
    <>
      {children}
      {tip !== null && <Bubble key={tip.text} tip={tip} />}
    </>
  );
}

function Bubble({ tip }: { readonly tip: Tip }) {
  const box = useRef<HTMLDivElement>(null);
  const [place, setPlace] = useState<{ left: number; top: number } | null>(null);
  useLayoutEffect(() => {
    if (box.current !== null && tip.on.isConnected) setPlace(placeOf(tip.on, box.current));
  }, [tip]);
  useEffect(() => {
    const key = (event: KeyboardEvent) => event.key === "Escape" && hide();
    // What it belongs to may go without a word; then whatever else is pointed at is told.
    const elsewhere = () => {
      if (!tip.on.isConnected) hide();
    };
    // A transcript that follows its end scrolls all the time, and moves nothing in the bar above it.
    const scrolled = ({ target }: Event) => {
      if (target instanceof Node && target.contains(tip.on)) hide();
    };
    addEventListener("scroll", scrolled, { capture: true, passive: true });
    addEventListener("pointermove", elsewhere, { passive: true });
    addEventListener("keydown", key);
    return () => {
      removeEventListener("scroll", scrolled, { capture: true });
      removeEventListener("pointermove", elsewhere);
      removeEventListener("keydown", key);
    };
  }, [tip]);
  return (
    <div
      ref={box}
      role="tooltip"
      style={place ?? { left: 0, top: 0, visibility: "hidden" }}
      className="animate-in pointer-events-none fixed z-50 flex w-max max-w-80 items-center gap-2 rounded-sm border border-line bg-surface-3 px-2 py-1 text-sm text-1 break-words"
    >
      {tip.text}
      {tip.keys !== undefined && <Kbd keys={tip.keys} />}
    </div>
  );
}

/** Below it, or above where there is no room; within the window. */
function placeOf(on: HTMLElement, box: HTMLElement): { left: number; top: number } {
  const { left, width, top, bottom } = on.getBoundingClientRect();
  const { offsetWidth, offsetHeight } = box;
  const middle = left + width / 2 - offsetWidth / 2;
  const below = bottom + GAP;
  return {
    left: Math.max(EDGE, Math.min(middle, innerWidth - offsetWidth - EDGE)),
    top: below + offsetHeight > innerHeight - EDGE ? top - GAP - offsetHeight : below,
  };
}
