/** The page of settings. */
import { t } from "@/i18n";

export function SettingsView() {
  return <h1 className="p-4 text-xl font-semibold">{t("app.nav.settings")}</h1>;
}
