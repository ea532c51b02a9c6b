/** Says quietly that the server is of another version than this page. Whoever is in the middle of something goes on. */
import { useSelect } from "@/bind/store";
import { t } from "@/i18n";
import { isOldPage } from "@/sync/version";
import { Button } from "@/ui/button";

export function NewVersion() {
  const old = useSelect(isOldPage);
  if (!old) return null;
  return (
    <span role="status" className="flex items-center gap-2 text-sm text-2">
      <span className="max-sm:sr-only">{t("app.version.new")}</span>
      <Button size="sm" onClick={() => location.reload()}>
        {t("app.version.reload")}
      </Button>
    </span>
  );
}
