/** The page's face in the browser: the title, the icon and the number on the app's icon say who needs somebody. */
import { t } from "@/i18n";
import { newAttention, type Needed } from "@/store/attention";
import type { State } from "@/store/state";
import type { Sync } from "@/sync/link";

/** The place that is shown: a session, or a page by its name; `null` is the home page. */
export type Shown = { readonly session: string } | { readonly page: string } | null;

/** A connection that is back after less than this was never away. */
const AWAY_MS = 1_500;

/** Keeps the face in step with the state; the answer tells it what is shown. */
export function keepFace(sync: Sync): (shown: Shown) => void {
  const attention = newAttention();
  let shown: Shown = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let counted = 0;
  const draw = () => {
    clearTimeout(timer);
    const state = sync.store.shown();
    const needed = attention(state);
    const title = titleOf(state, needed, shown);
    if (document.title !== title) document.title = title;
    const away = awayFor(state);
    if (away !== null && away < AWAY_MS) timer = setTimeout(draw, AWAY_MS - away + 1);
    icon(away !== null && away >= AWAY_MS ? "offline" : needed.length > 0 ? "attention" : "plain");
    if (needed.length === counted) return;
    counted = needed.length;
    count(counted);
  };
  sync.store.subscribe(draw);
  return (now) => {
    shown = now;
    draw();
  };
}

export function titleOf(state: State, needed: readonly Needed[], shown: Shown): string {
  if (shown !== null && "session" in shown) {
    const session = state.list.sessions.get(shown.session);
    const title = session ? session.title.trim() || t("session.untitled") : t("shared.product");
    if (needed.some(({ id }) => id === shown.session)) return t("app.title.needs_you", { title });
    if (session?.badge === "running") return t("app.title.running", { title });
    return counted(title, needed.length);
  }
  return counted(
    shown === null ? t("shared.product") : t("app.title.plain", { page: shown.page }),
    needed.length,
  );
}

function counted(title: string, n: number): string {
  return n === 0 ? title : t("app.title.count", { n, title });
}

/** For how long nobody is heard; `null` while somebody is. */
function awayFor({ link }: State): number | null {
  return link.is === "waiting" || link.is === "connecting" ? Date.now() - link.since : null;
}

function icon(name: "plain" | "attention" | "offline"): void {
  const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  const href = `/favicon-${name}.svg`;
  if (link && link.getAttribute("href") !== href) link.setAttribute("href", href);
}

/** Only where the page is installed, and where the browser can. */
function count(n: number): void {
  if (!("setAppBadge" in navigator)) return;
  const done = n === 0 ? navigator.clearAppBadge() : navigator.setAppBadge(n);
  done.catch(() => undefined);
}
