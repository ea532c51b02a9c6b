/** Everything under the root: sign-in first, then the routes. */
import { RouterProvider } from "@tanstack/react-router";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { ActionsProvider, newRegistry } from "@/bind/actions";
import { NavProvider, type Nav } from "@/bind/nav";
import { SyncProvider, useSelect } from "@/bind/store";
import { startServiceWorker } from "@/lib/service-worker";
import type { State } from "@/store/state";
import type { Sync } from "@/sync/link";
import { TooltipProvider } from "@/ui/tooltip";
import { hrefOf } from "./places";
import { router } from "./router";
import { SignIn } from "./sign-in";

const queries = new QueryClient({ defaultOptions: { queries: { retry: 1, staleTime: 30_000 } } });

const nav: Nav = {
  href: hrefOf,
  go: (place, how = "push") => {
    void router.navigate({ href: hrefOf(place), replace: how === "replace" });
  },
};

/** Goes where a click on a notification leads. In development there is no worker: it would keep what is being changed. */
function openPlaces(): (() => void) | undefined {
  return import.meta.env.PROD ? startServiceWorker((href) => void router.navigate({ href })) : undefined;
}

export function MainPart({ sync }: { readonly sync: Sync }) {
  const [registry] = useState(newRegistry);
  useEffect(openPlaces, []);
  return (
    <SyncProvider value={sync}>
      <QueryClientProvider client={queries}>
        <NavProvider value={nav}>
          <ActionsProvider registry={registry}>
            <TooltipProvider>
              <Gate sync={sync} />
            </TooltipProvider>
          </ActionsProvider>
        </NavProvider>
      </QueryClientProvider>
    </SyncProvider>
  );
}

const refusal = (state: State) => (state.link.is === "refused" ? state.link.problem : null);

function Gate({ sync }: { readonly sync: Sync }) {
  const problem = useSelect(refusal);
  if (problem === null) return <RouterProvider router={router} />;
  const detail = problem.code === "auth_required" ? null : (problem.detail ?? problem.code);
  return <SignIn detail={detail} onSignedIn={sync.start} />;
}
