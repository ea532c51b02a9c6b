/** Signs this browser out: its cookie is worth nothing from then on, wherever a copy of it is. */
import { client } from "@/api/gen/client.gen";
import type { Store } from "@/sync/store";
import { runAlone, type Outcome } from "./run";

export function logOut(store: Store): Promise<Outcome<unknown>> {
  return runAlone(store, (headers) =>
    client.post<{ 200: unknown }>({
      url: "/v1/logout",
      body: {},
      headers: { "Content-Type": "application/json", ...headers },
    }),
  );
}
