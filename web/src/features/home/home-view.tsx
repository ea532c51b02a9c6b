/** All sessions, live. */
import { PlaceLink } from "@/bind/nav";
import { useSelect } from "@/bind/store";
import { t } from "@/i18n";
import type { State } from "@/store/state";

export type HomeQuery = { readonly q?: string; readonly show?: string; readonly group?: string };

const sessions = (state: State) => state.list.sessions;

export function HomeView(_: { readonly query: HomeQuery; readonly onQuery: (query: HomeQuery) => void }) {
  const held = useSelect(sessions);
  const rows = [...held.values()].filter((one) => !one.archived).sort((a, b) => (a.id < b.id ? 1 : -1));
  return (
    <div className="overflow-auto">
      <h1 className="sr-only">{t("app.nav.home")}</h1>
      <ul>
        {rows.map((row) => (
          <li key={row.id} className="border-b border-line">
            <PlaceLink place={{ to: "session", id: row.id }} className="flex gap-3 px-3 py-1.5 hover:bg-surface-1">
              <span className="w-24 text-3">{row.badge}</span>
              <span className="flex-1 truncate">{row.title}</span>
              <span className="text-3">{row.agent}</span>
            </PlaceLink>
          </li>
        ))}
      </ul>
    </div>
  );
}
