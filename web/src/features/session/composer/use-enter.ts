/** Whether Enter sends, as this browser's person has chosen. */
import { useSyncExternalStore } from "react";
import { preference, watchPreferences } from "@/lib/preferences";

export function useEnter(): "sends" | "newline" {
  return useSyncExternalStore(watchPreferences, () => preference("enter"));
}
