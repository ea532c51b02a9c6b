/** The routes: each reads its address and gives a feature's view what it says. */
import { createRootRoute, createRoute, createRouter } from "@tanstack/react-router";
import type { HomeQuery } from "@/features/home/home-view";
import { AboutRoute } from "./routes/about";
import { AgentsRoute } from "./routes/agents";
import { HomeRoute } from "./routes/home";
import { NewSessionRoute } from "./routes/new-session";
import { NotFound } from "./routes/not-found";
import { SessionRoute } from "./routes/session";
import { SettingsRoute } from "./routes/settings";
import { WorkersRoute } from "./routes/workers";
import { RouteError } from "./route-error";
import { Shell } from "./shell";

export type HomeSearch = HomeQuery;
export type SessionSearch = { readonly at?: number; readonly split?: string };

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound, errorComponent: RouteError });

const text = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;

const home = createRoute({
  getParentRoute: () => root,
  path: "/",
  component: HomeRoute,
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
});

const session = createRoute({
  getParentRoute: () => root,
  // One route for all views of a session: a change of the view keeps it open.
  path: "/s/$id/{-$tab}",
  component: SessionRoute,
  validateSearch: sessionSearch,
});

const fresh = createRoute({ getParentRoute: () => root, path: "/new", component: NewSessionRoute });
const workers = createRoute({ getParentRoute: () => root, path: "/workers", component: WorkersRoute });
const agents = createRoute({ getParentRoute: () => root, path: "/agents", component: AgentsRoute });
const settings = createRoute({ getParentRoute: () => root, path: "/settings", component: SettingsRoute });
const about = createRoute({ getParentRoute: () => root, path: "/about", component: AboutRoute });

const routeTree = root.addChildren([home, session, fresh, workers, agents, settings, about]);

export const router = createRouter({ routeTree, scrollRestoration: false, defaultPreload: false });

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
