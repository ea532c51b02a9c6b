/** What stands around each page: the bar with its places, the state of the connection, and the page. */
import { Outlet, useLocation, useRouterState } from "@tanstack/react-router";
import { useState } from "react";
import { useActions } from "@/bind/actions";
import { PlaceLink, useNav, type Place } from "@/bind/nav";
import { t, type Key } from "@/i18n";
import { cx } from "@/lib/cx";
import { Icon, type IconName } from "@/ui/icon";
import { ToastRegion } from "@/ui/toast-region";
import { Announcer } from "@/parts/announcer";
import { globalActions } from "./global-actions";
import { KeysHelp } from "./keys-help";
import { LinkBar, LinkState } from "./link-state";
import { NewVersion } from "./new-version";
import { Palette } from "./palette";
import { PhoneBar } from "./phone-bar";
import { useKeys } from "./use-keys";
import { usePageFocus } from "./use-page-focus";
import { useToNeeded } from "./use-to-needed";
import { useToNeighbor } from "./use-to-neighbor";

type NavPlace = {
  readonly place: Place;
  readonly word: Key & `app.nav.${string}`;
  readonly icon: IconName;
  readonly path: string;
};

const PLACES = [
  { place: { to: "home" }, word: "app.nav.home", icon: "list", path: "/" },
  { place: { to: "workers" }, word: "app.nav.workers", icon: "worker", path: "/workers" },
  { place: { to: "agents" }, word: "app.nav.agents", icon: "agent", path: "/agents" },
  { place: { to: "settings" }, word: "app.nav.settings", icon: "gear", path: "/settings" },
  { place: { to: "about" }, word: "app.nav.about", icon: "info", path: "/about" },
] as const satisfies readonly NavPlace[];

export function Shell() {
  const { pathname, search } = useLocation();
  // The address changes first; what is in sight follows when it has come.
  const inSight = useRouterState({
    select: ({ resolvedLocation, location }) => (resolvedLocation ?? location).pathname,
  });
  const [layer, setLayer] = useState<"none" | "palette" | "keys">("none");
  const layers = { palette: () => setLayer("palette"), keys: () => setLayer("keys") };
  const steps = { needed: useToNeeded(pathname), neighbor: useToNeighbor(pathname) };
  useActions(globalActions(useNav(), layers, steps));
  useKeys();
  usePageFocus(inSight);
  const close = () => setLayer("none");
  return (
    <div className="flex h-dvh flex-col bg-surface-0 text-base text-1">
      <a
        href="#content"
        className="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:bg-surface-0 focus:p-2"
      >
        {t("app.skip")}
      </a>
      <header className="flex h-11 shrink-0 items-center gap-1 border-b border-line px-3">
        <PlaceLink place={{ to: "home" }} className="mr-2 font-semibold text-1 no-underline">
          {t("shared.product")}
        </PlaceLink>
        <nav aria-label={t("app.nav.label")} className="flex items-center gap-0.5 phone:hidden">
          {PLACES.map(({ place, word, icon, path }) => (
            <PlaceLink
              key={path}
              place={place}
              aria-current={pathname === path ? "page" : undefined}
              className={cx(
                "tap flex items-center gap-1.5 rounded-md px-2 py-1 no-underline hover:bg-surface-2",
                pathname === path ? "bg-surface-2 text-1" : "text-2",
              )}
            >
              <Icon name={icon} />
              <span className="max-md:sr-only">{t(word)}</span>
            </PlaceLink>
          ))}
        </nav>
        <span className="flex-1" />
        <NewVersion />
        <LinkState />
        <PlaceLink
          place={{ to: "new" }}
          className="tap ml-2 flex items-center gap-1 rounded-md bg-accent px-2.5 py-1 font-medium text-accent-ink no-underline hover:bg-accent-strong phone:hidden"
        >
          <Icon name="plus" />
          <span className="max-sm:sr-only">{t("app.nav.new")}</span>
        </PlaceLink>
      </header>
      <LinkBar />
      <main id="content" tabIndex={-1} className="flex min-h-0 flex-1 flex-col overflow-hidden outline-none">
        <Outlet />
      </main>
      {pathname.startsWith("/s/") ? null : <PhoneBar path={pathname} show={search.show} />}
      <Palette open={layer === "palette"} onOpenChange={close} />
      <KeysHelp open={layer === "keys"} onOpenChange={close} />
      <ToastRegion label={t("shared.notices")} closeLabel={t("shared.dismiss")} />
      <Announcer />
    </div>
  );
}
