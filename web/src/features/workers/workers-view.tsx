/** The page of workers. */
import { t } from "@/i18n";

export function WorkersView() {
  return <h1 className="p-4 text-xl font-semibold">{t("app.nav.workers")}</h1>;
}
