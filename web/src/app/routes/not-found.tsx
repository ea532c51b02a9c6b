/** An address that leads nowhere. */
import { PlaceLink } from "@/bind/nav";
import { t } from "@/i18n";

export function NotFound() {
  return (
    <div className="p-6">
      <h1 className="text-xl font-semibold">{t("app.not_found.title")}</h1>
      <p className="mt-2">
        <PlaceLink place={{ to: "home" }} className="text-accent-text underline">
          {t("app.not_found.home")}
        </PlaceLink>
      </p>
    </div>
  );
}
