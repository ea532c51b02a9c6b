/** Light or dark: as chosen, or as the system is now. */
import { preference, watchPreferences } from "@/lib/preferences";

/** Follows the choice and the system, from now on. */
export function followTheme(): void {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const set = () => {
    const theme = preference("theme");
    const dark = theme === "dark" || (theme === "system" && system.matches);
    document.documentElement.dataset.theme = dark ? "dark" : "light";
  };
  system.addEventListener("change", set);
  watchPreferences(set);
  set();
}
