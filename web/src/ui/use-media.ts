/** Whether a media query holds now; follows it. */
import { useCallback, useSyncExternalStore } from "react";

export function useMedia(query: string): boolean {
  const subscribe = useCallback(
    (changed: () => void) => {
      const list = matchMedia(query);
      list.addEventListener("change", changed);
      return () => list.removeEventListener("change", changed);
    },
    [query],
  );
  return useSyncExternalStore(subscribe, () => matchMedia(query).matches);
}

/** Room for something beside what is read. */
export const useWide = () => useMedia("(width >= 1280px)");
export const usePhone = () => useMedia("(width < 640px)");
