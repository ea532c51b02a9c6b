/** A terminal that plays an output, loaded when somebody asks for it. */
import { lazy, Suspense } from "react";
import { t } from "@/i18n";
import { LoadingNote } from "../loading-note";

type TerminalProps = { readonly text: string; readonly label: string };

const Screen = lazy(() => import("./screen"));

export function Terminal({ text, label }: TerminalProps) {
  return (
    <Suspense fallback={<LoadingNote label={t("shared.ansi.loading")} rows={6} />}>
      <Screen text={text} label={label} />
    </Suspense>
  );
}
