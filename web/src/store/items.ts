/** What a transcript is made of: items, in the order of their beginning, and the turns that they belong to. */
import type { ContentBlock, Event, EventOf, KnownEvent, TurnId } from "./types";

export type ToolCall = EventOf<"tool_call_updated">["tool_call"];
export type PlanEntry = EventOf<"plan_updated">["entries"][number];

type Base = {
  /** Stays the same while the item grows; unique in the session. */
  readonly id: string;
  /** The event it began with. */
  readonly seq: number;
  /** The last event that changed it: the same beginning and the same version are the same content. */
  readonly version: number;
  readonly at: string;
  readonly turn: TurnId | null;
};

export type Item = Base &
  (
    | {
        readonly kind: "prompt";
        readonly content: readonly ContentBlock[];
        readonly source: string;
        readonly command: string | null;
        readonly state: "queued" | "started" | "dropped";
      }
    | {
        readonly kind: "message";
        readonly message: string;
        readonly channel: "answer" | "thought";
        readonly text: string;
        /** What is not text: pictures, links. */
        readonly others: readonly ContentBlock[];
        /** When the last piece came. */
        readonly until: string;
        /** Whether more may come. */
        readonly open: boolean;
      }
    | {
        readonly kind: "tool";
        readonly call: ToolCall;
        readonly until: string;
        readonly permission: string | null;
        /** Whether its turn ended before it did. */
        readonly cut_off: boolean;
      }
    | { readonly kind: "plan"; readonly entries: readonly PlanEntry[] }
    | {
        readonly kind: "permission";
        readonly asked: EventOf<"permission_requested">;
        readonly decided: EventOf<"permission_decided"> | null;
      }
    | {
        readonly kind: "question";
        readonly asked: EventOf<"elicitation_requested">;
        readonly answered: EventOf<"elicitation_answered"> | null;
      }
    /** Something happened that people want to know of: the end of a turn, a crash, a stop. */
    | { readonly kind: "note"; readonly event: KnownEvent }
    /** An event of a newer server. */
    | { readonly kind: "unknown"; readonly event: Event }
  );

export type ItemOf<K extends Item["kind"]> = Extract<Item, { kind: K }>;

/** What an item is besides where it stands. */
export type Part = Item extends infer T ? (T extends Item ? Omit<T, keyof Base> : never) : never;

/** One turn: a prompt and all that came of it. */
export type TurnRecord = {
  readonly id: TurnId;
  readonly number: number | null;
  readonly queued_at: string | null;
  readonly started_at: string | null;
  readonly ended: EventOf<"turn_ended"> | null;
  /** Whether it was taken back: it is not part of the conversation any more. */
  readonly taken: boolean;
  readonly seq: number;
};

/** Where an item stands in the log: a prompt where its turn began. */
export function standsAt(item: Item): number {
  return item.kind === "prompt" && item.state === "started" ? item.version : item.seq;
}

/** The item that an event begins or changes; `null` if none shows it. */
export function itemIdOf(given: Event): string | null {
  // Of types that are not on the list the default speaks.
  const event = given as KnownEvent;
  switch (event.type) {
    case "turn_queued":
    case "queue_entry_edited":
    case "queue_entry_dropped":
    case "turn_started":
    case "turn_requeued":
      return `prompt:${event.turn}`;
    case "message_appended":
      return event.role === "user" ? null : `message:${event.message}:${event.channel}`;
    case "tool_call_updated":
      return `tool:${event.turn}:${event.tool_call.id}`;
    case "plan_updated":
      return `plan:${event.seq}`;
    case "permission_requested":
    case "permission_decided":
      return `permission:${event.request}`;
    case "elicitation_requested":
    case "elicitation_answered":
      return `question:${event.request}`;
    case "turn_ended":
      return `note:${event.seq}`;
    default:
      return null;
  }
}

/** Whether a tool call has said its last word. */
export function isFinal(call: ToolCall): boolean {
  return call.status === "completed" || call.status === "failed";
}
