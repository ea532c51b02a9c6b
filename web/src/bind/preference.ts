/** A choice of this browser, and how to change it. */
import { useSyncExternalStore } from "react";
import {
  prefer,
  preference,
  watchPreferences,
  type PreferenceName,
  type PreferenceOf,
} from "@/lib/preferences";

export function usePreference<N extends PreferenceName>(
  name: N,
): readonly [PreferenceOf<N>, (value: PreferenceOf<N>) => void] {
  const value = useSyncExternalStore(watchPreferences, () => preference(name));
  return [value, (next) => prefer(name, next)];
}
