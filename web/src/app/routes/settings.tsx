/** `/settings`. */
import { SettingsView } from "@/features/settings/settings-view";

export function SettingsRoute() {
  return <SettingsView />;
}
