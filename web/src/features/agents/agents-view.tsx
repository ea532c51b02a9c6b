/** The page of agents. */
import { t } from "@/i18n";

export function AgentsView() {
  return <h1 className="p-4 text-xl font-semibold">{t("app.nav.agents")}</h1>;
}
