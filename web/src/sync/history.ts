/** What is asked for once and not streamed: the list at the first visit, a session, its older events. */
import { answer } from "@/api/client";
import {
  getSession,
  listSessionEvents,
  listSessions,
  listThreads,
  type EventPage,
  type ListSessionsData,
} from "@/api/gen";
import type { Answer } from "@/api/problem";
import type { Page } from "@/store/log";
import type { Problem } from "@/store/types";
import type { Store } from "./store";

/** Rows of the first page, which is seen first, and of the others: the most that the server gives. */
const FIRST = 200;
const ROWS = 500;
const ACTIVE = "pending,starting,idle,running,hibernated,stopping";

/**
 * Takes the list page by page, what is active first. `begun` is called when the first page is in: the stream goes on from where that
 * page was read, and what the others tell is at least as new. Workers and agents come with the stream.
 */
export async function loadList(store: Store, begun: () => void): Promise<Problem | null> {
  const [first, threads] = await Promise.all([
    sessions({ state: ACTIVE, limit: FIRST }),
    answer(listThreads({ query: { limit: ROWS } })),
  ]);
  if (!first.ok) return first.problem;
  const { items, pos, epoch } = first.data;
  if (threads.ok) store.put({ is: "threads", items: threads.data.items });
  store.put({ is: "sessions", items, view: "row", pos, epoch });
  begun();
  let cursor: string | undefined;
  do {
    const page = await sessions({
      archived: "any",
      limit: ROWS,
      ...(cursor === undefined ? {} : { cursor }),
    });
    if (!page.ok) return page.problem;
    // The server has another log since.
    if (page.data.epoch !== epoch) return { code: "cursor_too_old" };
    store.put({ is: "sessions", items: page.data.items, view: "row", pos: null, epoch });
    cursor = page.data.next_cursor ?? undefined;
  } while (cursor !== undefined);
  return threads.ok ? moreThreads(store, threads.data.next_cursor) : threads.problem;
}

function sessions(query: NonNullable<ListSessionsData["query"]>) {
  return answer(listSessions({ query: { view: "row", ...query } }));
}

async function moreThreads(store: Store, from: string | null): Promise<Problem | null> {
  for (let cursor = from; cursor !== null;) {
    const page = await answer(listThreads({ query: { limit: ROWS, cursor } }));
    if (!page.ok) return page.problem;
    store.put({ is: "threads", items: page.data.items });
    cursor = page.data.next_cursor;
  }
  return null;
}

/** Takes one session whole: of those far down the list only the row is known. */
export async function loadSession(store: Store, id: string): Promise<Problem | null> {
  const got = await answer(getSession({ path: { id } }));
  if (!got.ok) return got.problem;
  const { epoch } = store.get();
  if (epoch !== null) store.put({ is: "sessions", items: [got.data], view: "full", pos: null, epoch });
  return null;
}

/** Takes a page of events: those before one, those after one, or the last ones. Going back it begins with a whole turn. */
export async function loadEvents(store: Store, id: string, of: Page): Promise<void> {
  const { before, after, limit } = of;
  const back = before === null ? { limit, snap: "turn" as const } : { limit, before, snap: "turn" as const };
  const query = after === null ? back : { limit, after };
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

/** Takes the events after one that take something back. */
export async function loadCuts(store: Store, id: string, after: number): Promise<void> {
  const query = { after, limit: 500, type: "session_rewound" };
  const got = await answer(listSessionEvents({ path: { id }, query }));
  if (got.ok) store.put({ is: "cuts", session: id, events: got.data.items });
}

export type Sought = {
  readonly q: string;
  /** `null`: from the end. */
  readonly before: number | null;
  readonly types: readonly string[];
};

/**
 * Looks for a text in a session's older events, from `before` back. A page may be empty and still have a `next_cursor`, which is the
 * next `before`: the server looks at so many events at a time.
 */
export function searchEvents(
  id: string,
  { q, before, types }: Sought,
  signal: AbortSignal,
): Promise<Answer<EventPage>> {
  const query = { q, limit: 50, before: before ?? Number.MAX_SAFE_INTEGER, type: types.join(",") };
  return answer(listSessionEvents({ path: { id }, query, signal }));
}
