/** The theme in force, for what cannot be said in style sheets. */
import { useSyncExternalStore } from "react";

export type Theme = "light" | "dark";

export function useTheme(): Theme {
  return useSyncExternalStore(watch, current);
}

function current(): Theme {
  return document.documentElement.dataset.theme === "dark" ? "dark" : "light";
}

function watch(changed: () => void): () => void {
  const observer = new MutationObserver(changed);
  observer.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  return () => observer.disconnect();
}
