/** All that comes into the store, and all that it wants done. Both are data. */
import type { Pending } from "./overlay";
import type { Page } from "./log";
import type { Link } from "./state";
import type { Agent, Event, ListFrame, Problem, Session, SessionId, Thread, Worker } from "./types";

export type Input =
  | { readonly is: "hello"; readonly epoch: number; readonly version: string }
  | { readonly is: "frames"; readonly frames: readonly ListFrame[] }
  | { readonly is: "events"; readonly session: SessionId; readonly events: readonly Event[] }
  | { readonly is: "caught_up"; readonly topic: string; readonly after: number }
  /** Sessions from a page of the list or from a browser's own copy. `pos` is where the list goes on from. */
  | {
      readonly is: "sessions";
      readonly items: readonly Session[];
      readonly view: "full" | "row";
      readonly pos: number | null;
      readonly epoch: number;
      /** When a browser's own copy was last true. */
      readonly saved_at?: number;
    }
  | { readonly is: "threads"; readonly items: readonly Thread[] }
  | { readonly is: "workers"; readonly items: readonly Worker[] }
  | { readonly is: "agents"; readonly items: readonly Agent[] }
  /** Events that were asked for; `of` says by which ask. */
  | {
      readonly is: "page";
      readonly session: SessionId;
      readonly events: readonly Event[];
      readonly of?: Page;
    }
  | { readonly is: "page_failed"; readonly session: SessionId; readonly problem?: Problem }
  /** What still matters of before the window; `before` as it was asked. */
  | {
      readonly is: "heads";
      readonly session: SessionId;
      readonly before: number;
      readonly events: readonly Event[];
    }
  /** Events that take something back, from behind the window of an open session. */
  | { readonly is: "cuts"; readonly session: SessionId; readonly events: readonly Event[] }
  | { readonly is: "command"; readonly command: Pending }
  | { readonly is: "reply"; readonly key: string; readonly session: Session | null }
  | { readonly is: "refused"; readonly key: string; readonly problem: Problem }
  | { readonly is: "dismissed"; readonly key: string }
  | { readonly is: "link"; readonly link: Link }
  /** Somebody looks at a session: at its end, or `at` an event that a link names. */
  | { readonly is: "opened"; readonly session: SessionId; readonly at?: number | null }
  | { readonly is: "closed"; readonly session: SessionId }
  /** Moves the window of an open session: up, down, to an event, to the end. */
  | { readonly is: "older"; readonly session: SessionId }
  | { readonly is: "newer"; readonly session: SessionId }
  | { readonly is: "around"; readonly session: SessionId; readonly seq: number }
  | { readonly is: "latest"; readonly session: SessionId }
  /** Where somebody reads, once scrolling rests; `null` at the end. */
  | { readonly is: "reader"; readonly session: SessionId; readonly seq: number | null }
  | { readonly is: "seen"; readonly session: SessionId; readonly seq: number }
  /** What an earlier visit of this browser has looked at and notified of. */
  | {
      readonly is: "remembered";
      readonly seen: ReadonlyMap<SessionId, number>;
      /** Turns' ends that nobody had looked at. */
      readonly finished: ReadonlyMap<SessionId, number>;
      readonly notified: number;
    }
  /** What this browser, or another tab of it, has notified of. */
  | { readonly is: "notified"; readonly pos: number }
  /** A cursor was refused: what was held of that topic is of another log. */
  | { readonly is: "reset"; readonly topic: string };

/** What the outside shall do. */
export type Ask =
  | { readonly ask: "subscribe"; readonly topic: string; readonly after: number }
  | { readonly ask: "unsubscribe"; readonly topic: string }
  | { readonly ask: "load_list" }
  | { readonly ask: "load_session"; readonly session: SessionId }
  /** A page of events; the answer is a `page` with `of`. */
  | ({ readonly ask: "load_events"; readonly session: SessionId } & Page)
  /** The last events of some types before one; the answer is `heads`. */
  | {
      readonly ask: "load_heads";
      readonly session: SessionId;
      readonly before: number;
      readonly types: readonly Event["type"][];
      readonly limit: number;
    }
  /** Which events after one take something back; the answer is `cuts`. */
  | { readonly ask: "load_cuts"; readonly session: SessionId; readonly after: number }
  | ({ readonly ask: "notify" } & Notice);

/** Why somebody should look up, as of `pos`. One notice a session: the next one replaces it. */
export type Notice = {
  readonly session: SessionId;
  readonly why: "permission" | "question" | "sign_in" | "finished" | "failed";
  /** What the agent asks, if it asks. */
  readonly request: string | null;
  readonly pos: number;
};
