/**
 * Notifications of the system, through the service worker: Android has no other way. One a session, replaced by the next; only one
 * tab speaks, and not of what somebody is looking at.
 */
import type { Notice } from "@/store/fold";
import type { State } from "@/store/state";
import { readKept, writeKept } from "./kept";
import type { Tabs } from "./tabs";

/** What a notification says, and where a click on it leads. */
export type Said = { readonly title: string; readonly body: string; readonly href: string };
export type Say = (notice: Notice, state: State) => Said;

export type Notifier = {
  /** `impossible` on plain HTTP beyond this machine, and where the browser has none. */
  readonly permission: () => NotificationPermission | "impossible";
  /** Asks the person; from a press of a button, never by itself. */
  readonly ask: () => Promise<NotificationPermission | "impossible">;
  readonly notify: (notice: Notice, state: State) => Promise<void>;
  /** What this tab shows: `null` if no session. */
  readonly look: (session: string | null) => void;
  /** Whether the person wants them in this browser, where they are allowed. */
  readonly isOn: () => boolean;
  readonly setOn: (on: boolean) => void;
  /** The words; without them nothing is said. */
  readonly words: (say: Say) => void;
};

const SWITCH = "convene.notifications";

export function newNotifier(tabs: Tabs, tab: string): Notifier {
  let say: Say | null = null;
  let shown: string | null = null;
  let told: string | null = null;
  const looking = new Map<string, string>();

  const permission = () =>
    typeof Notification === "undefined" || !("serviceWorker" in navigator)
      ? ("impossible" as const)
      : Notification.permission;

  const tell = () => {
    const looks = isInFront() ? shown : null;
    if (looks === told) return;
    told = looks;
    tabs.tell({ is: "looks", tab, session: looks });
  };

  if (typeof document !== "undefined") {
    addEventListener("focus", tell);
    addEventListener("blur", tell);
    addEventListener("pagehide", () => {
      told = null;
      tabs.tell({ is: "looks", tab, session: null });
    });
  }
  tabs.listen((message) => {
    if (message.is !== "looks") return;
    if (message.session === null) looking.delete(message.tab);
    else looking.set(message.tab, message.session);
  });

  return {
    permission,
    ask: async () => {
      const now = permission();
      return now === "default" ? Notification.requestPermission() : now;
    },
    notify: async (notice, state) => {
      if (say === null || !tabs.speaks() || permission() !== "granted" || !isOn()) return;
      const here = isInFront() && shown === notice.session;
      if (here || [...looking.values()].includes(notice.session)) return;
      const { title, body, href } = say(notice, state);
      const registration = await navigator.serviceWorker.getRegistration();
      await registration?.showNotification(title, {
        body,
        tag: notice.session,
        icon: "/icon-192.png",
        data: { href, session: notice.session, pos: notice.pos },
      });
    },
    look: (session) => {
      shown = session;
      tell();
    },
    isOn,
    setOn: (on) => writeKept(SWITCH, on ? null : "off"),
    words: (given) => {
      say = given;
    },
  };
}

function isInFront(): boolean {
  return typeof document !== "undefined" && document.hasFocus();
}

function isOn(): boolean {
  return readKept(SWITCH) !== "off";
}
