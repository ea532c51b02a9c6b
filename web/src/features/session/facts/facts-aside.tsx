/** The facts beside the talk, where there is room for both. */
import { t } from "@/i18n";
import type { Session } from "@/store/types";
import { IconButton } from "@/ui/icon-button";
import { FactsBody } from "./facts-tab";

type FactsAsideProps = { readonly session: Session; readonly onClose: () => void };

export function FactsAside({ session, onClose }: FactsAsideProps) {
  return (
    <aside
      aria-label={t("session.tabs.facts")}
      tabIndex={0}
      className="focus-inset @container relative w-80 shrink-0 overflow-y-auto border-l border-line"
    >
      <span className="absolute top-2.5 right-2">
        <IconButton icon="close" size="sm" label={t("session.aside.hide")} onClick={onClose} />
      </span>
      <div className="flex flex-col gap-5 p-3 pb-8">
        <FactsBody session={session} />
      </div>
    </aside>
  );
}
