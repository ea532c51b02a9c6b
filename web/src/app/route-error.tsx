/** What stands in place of a page that broke. The rest of the page goes on. */
import type { ErrorComponentProps } from "@tanstack/react-router";
import { t } from "@/i18n";
import { Button } from "@/ui/button";

export function RouteError({ error, reset }: ErrorComponentProps) {
  return (
    <div role="alert" className="flex flex-col items-start gap-3 p-6">
      <h1 className="text-xl font-semibold">{t("app.broken.title")}</h1>
      <p className="text-2">{t("app.broken.detail")}</p>
      <pre className="max-w-full overflow-auto rounded-md bg-surface-2 p-3 font-mono text-sm">
        {error instanceof Error ? error.message : String(error)}
      </pre>
      <Button onClick={reset}>{t("shared.retry")}</Button>
    </div>
  );
}
