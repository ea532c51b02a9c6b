/** What is asked for once and not streamed: the list at the first visit, a session, its older events. */
import { answer } from "@/api/client";
import { getSession, listAgents, listSessionEvents, listSessions, listThreads, listWorkers } from "@/api/gen";
import type { Page } from "@/store/log";
import type { Problem } from "@/store/types";
import type { Store } from "./store";

/** Rows of a page of the list: the most that the server gives. */
const ROWS = 500;

/** Takes the list page by page. The cursor of the first page is where the stream goes on: it was read before the others. */
export async function loadList(store: Store): Promise<Problem | null> {
  const [first, threads, workers, agents] = await Promise.all([
    answer(listSessions({ query: { view: "row", archived: "any", limit: ROWS } })),
    answer(listThreads({ query: { limit: ROWS } })),
    answer(listWorkers()),
    answer(listAgents()),
  ]);
  if (!first.ok) return first.problem;
  if (threads.ok) store.put({ is: "threads", items: threads.data.items });
  if (workers.ok) store.put({ is: "workers", items: workers.data.items });
  if (agents.ok) store.put({ is: "agents", items: agents.data.items });
  const { items, pos, epoch } = first.data;
  store.put({ is: "sessions", items, view: "row", pos, epoch });
  let cursor = first.data.next_cursor;
  while (cursor !== null) {
    const page = await answer(listSessions({ query: { view: "row", archived: "any", limit: ROWS, cursor } }));
    if (!page.ok) return page.problem;
    store.put({ is: "sessions", items: page.data.items, view: "row", pos: null, epoch });
    cursor = page.data.next_cursor;
  }
  return null;
}

/** Takes one session whole: of those far down the list only the row is known. */
export async function loadSession(store: Store, id: string): Promise<void> {
  const got = await answer(getSession({ path: { id } }));
  if (!got.ok) return;
  store.put({ is: "sessions", items: [got.data], view: "full", pos: null, epoch: store.get().epoch ?? 0 });
}

/** Takes a page of events: those before one, those after one, or the last ones. */
export async function loadEvents(store: Store, id: string, of: Page): Promise<void> {
  const { before, after, limit } = of;
  const query = after === null ? { limit, before: before ?? Number.MAX_SAFE_INTEGER } : { limit, after };
  const got = await answer(listSessionEvents({ path: { id }, query }));
  if (!got.ok) store.put({ is: "page_failed", session: id, problem: got.problem });
  else store.put({ is: "page", session: id, events: got.data.items, of });
}

/** Takes the last events of some types before one: which prompts wait, and what the turn is about. */
export async function loadHeads(
  store: Store,
  id: string,
  before: number,
  types: readonly string[],
  limit: number,
): Promise<void> {
  const got = await answer(
    listSessionEvents({ path: { id }, query: { before, limit, type: types.join(",") } }),
  );
  if (got.ok) store.put({ is: "heads", session: id, before, events: got.data.items });
}
