/** How much of the page the keyboard of a phone covers, where the browser does not make the page smaller for it. */
import { useSyncExternalStore } from "react";

function subscribe(changed: () => void): () => void {
  const view = window.visualViewport;
  if (!view) return () => undefined;
  view.addEventListener("resize", changed);
  view.addEventListener("scroll", changed);
  return () => {
    view.removeEventListener("resize", changed);
    view.removeEventListener("scroll", changed);
  };
}

/** Less than this is a bar of the browser, and zoom is no keyboard. */
const LEAST = 80;

function inset(): number {
  const view = window.visualViewport;
  if (!view || view.scale > 1.01) return 0;
  const covered = Math.round(window.innerHeight - view.height - view.offsetTop);
  return covered > LEAST ? covered : 0;
}

export function useKeyboardInset(): number {
  return useSyncExternalStore(subscribe, inset);
}
