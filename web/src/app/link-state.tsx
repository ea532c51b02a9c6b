/** The state of the connection, in one word; nothing moves while tries fail. */
import { useSelect, useSync } from "@/bind/store";
import { t } from "@/i18n";
import type { State } from "@/store/state";

const word = (state: State) => (state.link.is === "live" ? "live" : "reconnecting");

export function LinkState() {
  const is = useSelect(word);
  const sync = useSync();
  if (is === "live") {
    return (
      <span role="status" className="flex items-center gap-1.5 text-sm text-3">
        <span aria-hidden className="size-2 rounded-full bg-good" />
        {t("app.link.live")}
      </span>
    );
  }
  return (
    <button type="button" role="status" onClick={sync.wake} className="text-sm text-warn-ink">
      {t("app.link.reconnecting")}
    </button>
  );
}
