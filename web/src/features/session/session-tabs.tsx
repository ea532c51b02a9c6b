/** The views of one session. All but the talk are loaded when somebody wants them. */
import { lazy, Suspense, type ComponentType } from "react";
import type { SessionTab } from "@/bind/nav";
import { t } from "@/i18n";
import { LoadingNote } from "@/parts/loading-note";
import type { Session } from "@/store/types";

/** What a tab's own room gets: the session, and the event that the address leads to. */
export type TabProps = { readonly session: Session; readonly at: number | null };
export type OtherTab = Exclude<SessionTab, "talk">;

const tabs = {
  changes: lazy(() => import("./changes/changes-tab").then((room) => ({ default: room.ChangesTab }))),
  timeline: lazy(() => import("./timeline/timeline-tab").then((room) => ({ default: room.TimelineTab }))),
  events: lazy(() => import("./events/events-tab").then((room) => ({ default: room.EventsTab }))),
  facts: lazy(() => import("./facts/facts-tab").then((room) => ({ default: room.FactsTab }))),
} as const satisfies Record<OtherTab, ComponentType<TabProps>>;

export function OtherTabView({ tab, session, at }: TabProps & { readonly tab: OtherTab }) {
  const Tab = tabs[tab];
  return (
    <Suspense fallback={<LoadingNote label={t("session.loading")} />}>
      <Tab session={session} at={at} />
    </Suspense>
  );
}
