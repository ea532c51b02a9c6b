/** All sessions, live: who needs somebody first. */
import { useCallback, useDeferredValue, useRef, useState } from "react";
import { PlaceLink } from "@/bind/nav";
import { useSelect } from "@/bind/store";
import { t } from "@/i18n";
import { EmptyNote } from "@/parts/empty-note";
import { LoadingNote } from "@/parts/loading-note";
import { holdStill, newHome, sections, type Home, type HomeView as View } from "@/store/select";
import type { State } from "@/store/state";
import { Button } from "@/ui/button";
import { HomeBar } from "./home-bar";
import { HomeList } from "./home-list";

/** What the address says. */
export type HomeQuery = {
  readonly q?: string;
  readonly show?: string;
  readonly group?: string;
  readonly sort?: string;
};

const loaded = (state: State) => state.list.pos !== null;

export function HomeView({
  query,
  onQuery,
}: {
  readonly query: HomeQuery;
  readonly onQuery: (query: HomeQuery) => void;
}) {
  const view = viewOf(query);
  const deferred = useDeferredValue(view.q);
  const { section, group, sort } = view;
  const [select] = useState(newHome);
  const home = useSelect(
    useCallback(
      (state: State) => select(state, { q: deferred, section, group, sort }),
      [select, deferred, section, group, sort],
    ),
  );
  const shown = useHeldStill(home, `${deferred} ${section} ${group} ${sort}`);
  const some = useSelect(loaded) || home.total > 0;
  // The first time in pieces, so that the browser answers between them.
  const ready = useDeferredValue(some);
  const change = (part: Partial<View>) => onQuery(queryOf({ ...view, ...part }));
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <h1 className="sr-only">{t("app.nav.home")}</h1>
      <HomeBar view={view} counts={home.counts} onChange={change} />
      {!ready ? (
        <LoadingNote label={t("home.loading")} rows={8} />
      ) : shown.home.groups.length === 0 ? (
        <Nothing view={view} total={home.total} onChange={change} />
      ) : (
        <HomeList groups={shown.home.groups} onTouched={shown.touch} />
      )}
    </div>
  );
}

/** The list as it was ordered when somebody began to point at it, until they look elsewhere or ask for another one. */
function useHeldStill(
  home: Home,
  view: string,
): { readonly home: Home; readonly touch: (touched: boolean) => void } {
  const [touched, touch] = useState(false);
  const held = useRef({ home, view });
  const still = touched && held.current.view === view ? holdStill(home, held.current.home) : home;
  held.current = { home: still, view };
  return { home: still, touch };
}

function Nothing({
  view,
  total,
  onChange,
}: {
  readonly view: View;
  readonly total: number;
  readonly onChange: (part: Partial<View>) => void;
}) {
  if (total === 0) {
    return (
      <EmptyNote title={t("home.empty.title")} note={t("home.empty.note")}>
        <PlaceLink
          place={{ to: "new" }}
          className="tap rounded-md bg-accent px-3 py-1.5 font-medium text-accent-ink hover:bg-accent-strong"
        >
          {t("app.nav.new")}
        </PlaceLink>
        <p className="w-full text-2">
          {t("home.empty.terminal")} <code className="font-mono">{COMMAND}</code>
        </p>
      </EmptyNote>
    );
  }
  if (view.q === "") return <EmptyNote title={t(`home.none.${view.section ?? "all"}`)} />;
  return (
    <EmptyNote title={t("home.no_match", { q: view.q })}>
      <Button onClick={() => onChange({ q: "" })}>{t("home.clear")}</Button>
      {view.section === "archived" ? null : (
        <Button onClick={() => onChange({ section: "archived" })}>{t("home.search_archived")}</Button>
      )}
    </EmptyNote>
  );
}

const COMMAND = 'convene run "fix the failing test"';

function viewOf(query: HomeQuery): View {
  return {
    q: query.q ?? "",
    section: sections.find((section) => section === query.show) ?? null,
    group: query.group === "thread" || query.group === "project" ? query.group : "none",
    sort: query.sort === "activity" ? "activity" : "prompt",
  };
}

function queryOf(view: View): HomeQuery {
  return {
    q: view.q === "" ? undefined : view.q,
    show: view.section ?? undefined,
    group: view.group === "none" ? undefined : view.group,
    sort: view.sort === "prompt" ? undefined : view.sort,
  };
}
