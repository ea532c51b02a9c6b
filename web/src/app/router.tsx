/** The routes: each reads its address and gives a feature's view what it says. */
import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import type { HomeQuery } from "@/features/home/home-view";
import { NotFound } from "./routes/not-found";
import { RouteError } from "./route-error";
import { Shell } from "./shell";

export type HomeSearch = HomeQuery;
export type SessionSearch = { readonly at?: number; readonly split?: string; readonly via?: "notice" };

/** The pages, each a file of its own: who opens one does not wait for the others. The service worker keeps all of them. */
const pages = {
  home: () => import("./routes/home"),
  session: () => import("./routes/session"),
  fresh: () => import("./routes/new-session"),
  workers: () => import("./routes/workers"),
  agents: () => import("./routes/agents"),
  settings: () => import("./routes/settings"),
  about: () => import("./routes/about"),
} as const;

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound, errorComponent: RouteError });

const text = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;

const home = createRoute({
  getParentRoute: () => root,
  path: "/",
  component: lazyRouteComponent(pages.home, "HomeRoute"),
  validateSearch: (search: Record<string, unknown>): HomeSearch => ({
    q: text(search.q),
    show: text(search.show),
    group: text(search.group),
    sort: text(search.sort),
  }),
});

const sessionSearch = (search: Record<string, unknown>): SessionSearch => ({
  at: Number.isSafeInteger(search.at) ? Number(search.at) : undefined,
  split: text(search.split),
  via: search.via === "notice" ? "notice" : undefined,
});

const session = createRoute({
  getParentRoute: () => root,
  // One route for all views of a session: a change of the view keeps it open.
  path: "/s/$id/{-$tab}",
  component: lazyRouteComponent(pages.session, "SessionRoute"),
  validateSearch: sessionSearch,
});

const fresh = createRoute({
  getParentRoute: () => root,
  path: "/new",
  component: lazyRouteComponent(pages.fresh, "NewSessionRoute"),
});
const workers = createRoute({
  getParentRoute: () => root,
  path: "/workers",
  component: lazyRouteComponent(pages.workers, "WorkersRoute"),
});
const agents = createRoute({
  getParentRoute: () => root,
  path: "/agents",
  component: lazyRouteComponent(pages.agents, "AgentsRoute"),
});
const settings = createRoute({
  getParentRoute: () => root,
  path: "/settings",
  component: lazyRouteComponent(pages.settings, "SettingsRoute"),
});
const about = createRoute({
  getParentRoute: () => root,
  path: "/about",
  component: lazyRouteComponent(pages.about, "AboutRoute"),
});

const routeTree = root.addChildren([home, session, fresh, workers, agents, settings, about]);

export const router = createRouter({ routeTree, scrollRestoration: false, defaultPreload: false });

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
