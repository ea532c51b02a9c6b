/** One session: its head, its tabs, and the tab that is chosen. */
import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { useActions } from "@/bind/actions";
import { useNav, type SessionTab } from "@/bind/nav";
import { usePreference } from "@/bind/preference";
import { useStore } from "@/bind/store";
import { t } from "@/i18n";
import { LoadingNote } from "@/parts/loading-note";
import type { Session } from "@/store/types";
import { TabPanel, Tabs } from "@/ui/tabs";
import { useWide } from "@/ui/use-media";
import { SessionHead } from "./head/session-head";
import { NoSession } from "./no-session";
import { OtherTabView, type OtherTab } from "./session-tabs";
import { Talk } from "./talk";
import { useSession } from "./use-session";

export type SessionViewProps = {
  readonly id: string;
  readonly tab: SessionTab;
  /** The event that the address leads to. */
  readonly at: number | null;
  /** Shows another of its views; where it stands beside another one it keeps that to itself. */
  readonly onTab?: (tab: SessionTab) => void;
  /** Closes it where it stands beside another one. */
  readonly onClose?: () => void;
  /** Whether it has the page for itself. */
  readonly room?: "alone" | "shared";
};

export function SessionView({ id, tab, at, onTab, onClose, room = "alone" }: SessionViewProps) {
  const store = useStore();
  const shown = useSession(id);
  // A later change of `at` moves the window; it does not open the session again.
  const first = useRef(at);
  useEffect(() => {
    store.put({ is: "opened", session: id, at: first.current });
    return () => store.put({ is: "closed", session: id });
  }, [store, id]);
  const open = () => store.put({ is: "opened", session: id, at });
  switch (shown.is) {
    case "loading":
      return <LoadingNote label={t("session.loading")} rows={6} />;
    case "missing":
    case "deleted":
    case "problem":
      return <NoSession id={id} shown={shown} onRetry={open} />;
    case "ready":
      return <Opened session={shown.session} tab={tab} at={at} onTab={onTab} onClose={onClose} room={room} />;
  }
}

type OpenedProps = {
  readonly session: Session;
  readonly tab: SessionTab;
  readonly at: number | null;
  readonly onTab: ((tab: SessionTab) => void) | undefined;
  readonly onClose: (() => void) | undefined;
  readonly room: "alone" | "shared";
};

const FactsAside = lazy(() => import("./facts/facts-aside").then((file) => ({ default: file.FactsAside })));
const TABS = ["talk", "changes", "timeline", "events", "facts"] as const;
const others = TABS.filter((tab): tab is OtherTab => tab !== "talk");

function Opened({ session, tab, at, onTab, onClose, room }: OpenedProps) {
  const nav = useNav();
  const [own, setOwn] = useState<SessionTab>(tab);
  const [active, setActive] = useState(false);
  const beside = onClose !== undefined;
  const value = beside ? own : tab;
  const go = (to: SessionTab) => {
    if (beside) setOwn(to);
    else if (onTab) onTab(to);
    else nav.go({ to: "session", id: session.id, tab: to });
  };
  const wide = useWide() && room === "alone";
  const [facts, setFacts] = usePreference("facts");
  const [asked, setAsked] = useState(0);
  const finding = { asked, ask: () => setAsked((times) => times + 1), close: () => setAsked(0) };
  const keys = !beside || active ? "on" : "off";
  useActions(
    keys === "off"
      ? []
      : TABS.map((one, index) => ({
          id: `session.tab.${one}`,
          name: t("session.action.tab", { tab: t(`session.tabs.${one}`) }),
          group: t("session.action.group"),
          keys: [String(index + 1)],
          perform: () => go(one),
        })),
  );
  return (
    <section
      aria-labelledby={`title-${session.id}`}
      onFocusCapture={() => setActive(true)}
      onPointerDown={() => setActive(true)}
      onBlurCapture={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget)) setActive(false);
      }}
      className="flex min-h-0 min-w-0 flex-1 flex-col border-l border-line first:border-l-0"
    >
      <SessionHead
        session={session}
        keys={keys}
        onFind={value === "talk" ? finding.ask : undefined}
        facts={
          wide && value === "talk"
            ? { are: facts ? ("shown" as const) : ("hidden" as const), toggle: () => setFacts(!facts) }
            : undefined
        }
        onClose={onClose}
      />
      <Tabs
        label={t("session.tabs.label")}
        tabs={TABS.map((one, index) => ({
          id: one,
          label: t(`session.tabs.${one}`),
          keys: String(index + 1),
        }))}
        value={value}
        onChange={go}
        className="flex min-h-0 flex-1 flex-col"
      >
        <TabPanel id="talk" className="flex min-h-0 flex-1">
          <Talk session={session} at={at} keys={keys} finding={finding} />
          {wide && facts && (
            <Suspense fallback={<div className="w-80 shrink-0 border-l border-line" />}>
              <FactsAside session={session} onClose={() => setFacts(false)} />
            </Suspense>
          )}
        </TabPanel>
        {others.map((one) => (
          <TabPanel key={one} id={one} className="flex min-h-0 flex-1 flex-col overflow-auto">
            <OtherTabView tab={one} session={session} at={at} />
          </TabPanel>
        ))}
      </Tabs>
    </section>
  );
}
