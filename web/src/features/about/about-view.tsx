/** The page of about. */
import { t } from "@/i18n";

export function AboutView() {
  return <h1 className="p-4 text-xl font-semibold">{t("app.nav.about")}</h1>;
}
