/** What of this page belongs to the browser and not to a tab: its copy, its drafts, what it has seen, and its voice. */
import { newKey } from "@/api/client";
import { watchPreferences } from "@/lib/preferences";
import type { Input } from "@/store/fold";
import type { State } from "@/store/state";
import { newCopy, type Copy, type Kept } from "./cache";
import { newDrafts, type Drafts } from "./drafts";
import { newNotifier, type Notifier } from "./notifier";
import { newTabs, type Tabs } from "./tabs";
import { newVisits, type Visits } from "./visits";
import { reloadWhenTorn } from "./version";
import { onLeave, onWake } from "./wake";

/** Painting does not wait longer for the copy. */
const PATIENCE_MS = 1_000;

export type Browser = {
  readonly copy: Copy;
  readonly drafts: Drafts;
  readonly visits: Visits;
  readonly notifier: Notifier;
  readonly tabs: Tabs;
  /** Listens to the system from now on. */
  readonly begin: (wake: () => void) => void;
  /** The list as it was kept, if that is quickly told. */
  readonly restored: () => Promise<Kept | null>;
  /** Takes note of all that is known. */
  readonly note: (state: State, whole: boolean) => void;
  readonly forget: () => Promise<void>;
};

export function newBrowser(put: (input: Input) => void): Browser {
  const tabs = newTabs();
  const copy = newCopy();
  const drafts = newDrafts(tabs);
  const visits = newVisits(tabs, put);
  const notifier = newNotifier(tabs, newKey());
  return {
    copy,
    drafts,
    visits,
    notifier,
    tabs,
    begin: (wake) => {
      if (typeof document === "undefined") return;
      onWake(wake);
      onLeave(() => {
        drafts.flush();
        visits.flush();
        void copy.flush();
      });
      watchPreferences(() => void copy.heed());
      reloadWhenTorn(drafts.flush);
    },
    restored: () => Promise.race([copy.restore(), later(PATIENCE_MS)]),
    note: (state, whole) => {
      visits.note(state);
      copy.note(state, whole);
    },
    forget: async () => {
      drafts.clearAll();
      visits.forget();
      await copy.clear();
    },
  };
}

function later(ms: number): Promise<null> {
  return new Promise((resolve) => setTimeout(() => resolve(null), ms));
}
