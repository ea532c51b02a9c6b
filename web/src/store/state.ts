/** What a tab knows. Plain data, replaced and never edited: an object that is the same has the same content. */
import type { Log } from "./log";
import type { List } from "./list";
import type { Pending, Refusal } from "./overlay";
import { noList } from "./list";
import type { Problem, SessionId } from "./types";

/** Where the connection is. Times are milliseconds since 1970. */
export type Link =
  | { readonly is: "closed" }
  | { readonly is: "connecting"; readonly since: number; readonly tries: number }
  | { readonly is: "catching_up"; readonly since: number }
  | {
      readonly is: "live";
      readonly since: number;
      readonly over: "socket" | "sse";
      /** How many frames and events came before it was live. */
      readonly caught_up: number;
      /** For how long it was not, in milliseconds; absent the first time. */
      readonly away?: number;
    }
  | {
      readonly is: "waiting";
      readonly since: number;
      readonly retry_at: number;
      readonly tries: number;
      readonly why: string;
    }
  | { readonly is: "refused"; readonly problem: Problem };

/** Whether nobody is there as far as is known. While it is tried again that is not over: only a hello ends it. */
export function isCut(link: Link): boolean {
  return link.is === "waiting" || (link.is === "connecting" && link.tries > 0);
}

export type State = {
  readonly link: Link;
  /** Names the server's log: cursors of another one mean nothing. */
  readonly epoch: number | null;
  /** The server's version, once it said hello. */
  readonly version: string | null;
  readonly list: List;
  /** When the list was last true, while it is this browser's own copy; `null` once the server has told. */
  readonly saved_at: number | null;
  /** The logs of the sessions that are open in this tab. */
  readonly logs: ReadonlyMap<SessionId, Log>;
  /** Commands that are out, oldest first. */
  readonly pending: readonly Pending[];
  /** What the server refused, until somebody has read it. */
  readonly refusals: readonly Refusal[];
  /** The `seq` up to which a session was looked at in this browser. */
  readonly seen: ReadonlyMap<SessionId, number>;
  /** The `seq` at which a turn's end came in while this browser was open: "finished" until somebody looks. */
  readonly finished: ReadonlyMap<SessionId, number>;
  /** Up to this `pos` this browser has notified. */
  readonly notified: number;
};

/** The topic of all that is not one session's log. */
export const LIST = "list";

export const nothing: State = {
  link: { is: "closed" },
  epoch: null,
  version: null,
  list: noList,
  saved_at: null,
  logs: new Map(),
  pending: [],
  refusals: [],
  seen: new Map(),
  finished: new Map(),
  notified: 0,
};
