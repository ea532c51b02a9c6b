/** Whether this page is of another version than its server: then it goes on, and offers to load itself again. */
import type { State } from "@/store/state";

const RELOADED = "convene.reloaded";

/** Written in by the build. */
declare const __VERSION__: string | undefined;

/** The version that this page was built as. */
export const PAGE_VERSION = typeof __VERSION__ === "undefined" ? "unknown" : __VERSION__;

export function isOldPage(state: State): boolean {
  return state.version !== null && state.version !== PAGE_VERSION;
}

/** A piece of this page is gone, mostly because the server has another version: the page is loaded again, once. */
export function reloadWhenTorn(beforehand: () => void): void {
  addEventListener("vite:preloadError", (event) => {
    try {
      if (sessionStorage.getItem(RELOADED) === PAGE_VERSION) return;
      sessionStorage.setItem(RELOADED, PAGE_VERSION);
    } catch {
      return;
    }
    event.preventDefault();
    beforehand();
    location.reload();
  });
}
