/** The views of one session. All but the talk are loaded when somebody wants them. */
import { lazy, Suspense, type ComponentType } from "react";
import type { SessionTab } from "@/bind/nav";
import { t } from "@/i18n";
import { LoadingNote } from "@/parts/loading-note";
import type { Session } from "@/store/types";
import { ComingSoon } from "./coming-soon";

/** What a tab's own room gets: the session, and the event that the address leads to. */
export type TabProps = { readonly session: Session; readonly at: number | null };
export type OtherTab = Exclude<SessionTab, "talk">;

const doors: Record<OtherTab, string> = {
  changes: "ChangesTab",
  timeline: "TimelineTab",
  events: "EventsTab",
  facts: "FactsTab",
};

const rooms = import.meta.glob<Readonly<Record<string, ComponentType<TabProps>>>>(
  "./{changes,timeline,events,facts}/*-tab.tsx",
);

const tabs = {
  changes: room("changes"),
  timeline: room("timeline"),
  events: room("events"),
  facts: room("facts"),
} as const;

function room(tab: OtherTab) {
  return lazy(async () => {
    const load = rooms[`./${tab}/${tab}-tab.tsx`];
    const door = load === undefined ? undefined : (await load())[doors[tab]];
    return { default: door ?? ComingSoon };
  });
}

export function OtherTabView({ tab, session, at }: TabProps & { readonly tab: OtherTab }) {
  const Tab = tabs[tab];
  return (
    <Suspense fallback={<LoadingNote label={t("session.loading")} />}>
      <Tab session={session} at={at} />
    </Suspense>
  );
}
