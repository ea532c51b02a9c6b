/** Gives a session its labels, all of them. Shown when the server has taken them. */
import { patchSession, type Session } from "@/api/gen";
import type { Store } from "@/sync/store";
import { runAlone, type Outcome } from "./run";

export async function setLabels(
  store: Store,
  session: string,
  labels: Readonly<Record<string, string>>,
): Promise<Outcome<Session>> {
  const done = await runAlone(store, (headers) =>
    patchSession({ path: { id: session }, body: { labels: { ...labels } }, headers }),
  );
  if (done.ok) {
    const { epoch } = store.get();
    store.put({ is: "sessions", items: [done.data], view: "full", pos: null, epoch: epoch ?? 0 });
  }
  return done;
}
