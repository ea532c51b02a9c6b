/** Addresses of places, both ways. Every state that somebody may want to come back to is in the address. */
import type { Place, SessionTab } from "@/bind/nav";
import { t } from "@/i18n";
import type { Shown } from "./face";

const PAGES = ["new", "workers", "agents", "settings", "about"] as const;
const TABS: readonly SessionTab[] = ["talk", "changes", "timeline", "events", "facts"];

export function hrefOf(place: Place): string {
  switch (place.to) {
    case "home":
      return `/${query({ show: place.show, q: place.q })}`;
    case "session": {
      const tab = place.tab === undefined || place.tab === "talk" ? "" : `/${place.tab}`;
      return `/s/${encodeURIComponent(place.id)}${tab}${query({ at: place.at?.toString(), split: place.beside, via: place.via })}`;
    }
    case "new":
    case "workers":
    case "agents":
    case "settings":
    case "about":
      return `/${place.to}`;
  }
}

/** What is shown at an address: a session, a page by its name, or home. */
export function shownAt(pathname: string): Shown {
  const session = /^\/s\/([^/]+)/.exec(pathname)?.[1];
  if (session !== undefined) return { session: decodeURIComponent(session) };
  const page = PAGES.find((one) => pathname === `/${one}`);
  return page === undefined ? null : { page: t(`app.nav.${page}`) };
}

export function tabOf(text: string | undefined): SessionTab {
  return TABS.find((tab) => tab === text) ?? "talk";
}

function query(parts: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(parts).filter((part): part is [string, string] => Boolean(part[1]));
  return given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
}
