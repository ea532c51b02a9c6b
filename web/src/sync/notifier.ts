/**
 * Notifications of the system, through the service worker: Android has no other way. One a session, replaced by the next; only one
 * tab speaks, and not of what somebody is looking at.
 */
import { preference } from "@/lib/preferences";
import type { Notice } from "@/store/fold";
import type { State } from "@/store/state";
import type { Tabs } from "./tabs";

/** What a notification says, and where a click on it leads. */
export type Said = { readonly title: string; readonly body: string; readonly href: string };
export type Say = (notice: Notice, state: State) => Said;

export type Notifier = {
  readonly notify: (notice: Notice, state: State) => Promise<void>;
  /** What this tab shows: `null` if no session. */
  readonly look: (session: string | null) => void;
  /** The words; without them nothing is said. */
  readonly words: (say: Say) => void;
};

export function newNotifier(tabs: Tabs, tab: string): Notifier {
  let say: Say | null = null;
  let shown: string | null = null;
  let told: string | null = null;
  const looking = new Map<string, string>();

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
    notify: async (notice, state) => {
      if (say === null || !tabs.speaks() || !isWanted()) return;
      const here = isInFront() && shown === notice.session;
      if (here || [...looking.values()].includes(notice.session)) return;
      const { title, body, href } = say(notice, state);
      const data = { href, session: notice.session, pos: notice.pos };
      const look = { icon: "/icon-192.png", badge: "/badge-96.png" };
      try {
        const registration = await navigator.serviceWorker.getRegistration();
        await registration?.showNotification(title, { body, tag: notice.session, data, ...look });
      } catch {
        // Taken back in the meantime: the list tells it as well.
      }
    },
    look: (session) => {
      shown = session;
      tell();
    },
    words: (given) => {
      say = given;
    },
  };
}

function isInFront(): boolean {
  return typeof document !== "undefined" && document.hasFocus();
}

/** Nobody is asked here: that is done where somebody switches it on. */
function isWanted(): boolean {
  if (typeof Notification === "undefined" || !("serviceWorker" in navigator)) return false;
  return preference("notify") && Notification.permission === "granted";
}
