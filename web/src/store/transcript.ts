/** Events become items: what was said and done, in the order of its beginning. */
import type { ContentBlock, Event, EventOf, KnownEvent, TurnId } from "./types";

export type ToolCall = EventOf<"tool_call_updated">["tool_call"];
export type PlanEntry = EventOf<"plan_updated">["entries"][number];

type Base = {
  /** Stays the same while the item grows; unique in the session. */
  readonly id: string;
  /** The event it began with. */
  readonly seq: number;
  /** The last event that changed it: the same version is the same content. */
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

/** One turn: a prompt and all that came of it. */
export type TurnRecord = {
  readonly id: TurnId;
  readonly number: number | null;
  readonly queued_at: string | null;
  readonly started_at: string | null;
  readonly ended: EventOf<"turn_ended"> | null;
  readonly seq: number;
};

export type Transcript = {
  readonly items: readonly Item[];
  /** Where an item is in `items`. */
  readonly places: ReadonlyMap<string, number>;
  readonly turns: ReadonlyMap<TurnId, TurnRecord>;
  /** Prompts that wait, in the order in which they will be taken. */
  readonly queue: readonly TurnId[];
  readonly plan: readonly PlanEntry[];
};

export const noTranscript: Transcript = {
  items: [],
  places: new Map(),
  turns: new Map(),
  queue: [],
  plan: [],
};

/** Adds events that follow those already in. Items that did not change stay the same objects. */
export function extend(transcript: Transcript, events: readonly Event[]): Transcript {
  if (events.length === 0) return transcript;
  const draft = new Draft(transcript);
  for (const event of events) draft.take(event);
  return draft.done();
}

/** A transcript that is being extended; nobody sees it before it is done. */
class Draft {
  private readonly items: Item[];
  private readonly places: Map<string, number>;
  private readonly turns: Map<TurnId, TurnRecord>;
  private queue: readonly TurnId[];
  private plan: readonly PlanEntry[];

  constructor(from: Transcript) {
    this.items = [...from.items];
    this.places = new Map(from.places);
    this.turns = new Map(from.turns);
    this.queue = from.queue;
    this.plan = from.plan;
  }

  done(): Transcript {
    const { items, places, turns, queue, plan } = this;
    return { items, places, turns, queue, plan };
  }

  take(given: Event): void {
    const event = given as KnownEvent;
    switch (event.type) {
      case "turn_queued":
        this.queued(event);
        break;
      case "queue_entry_edited":
        this.change(event, `prompt:${event.turn}`, "prompt", { content: event.content });
        break;
      case "queue_entry_moved":
        this.moved(event);
        break;
      case "queue_entry_dropped":
        this.queue = this.queue.filter((turn) => turn !== event.turn);
        this.change(event, `prompt:${event.turn}`, "prompt", { state: "dropped" });
        break;
      case "turn_started":
        this.started(event);
        break;
      case "turn_requeued":
        if (event.turn) this.queue = [event.turn, ...this.queue.filter((turn) => turn !== event.turn)];
        this.change(event, `prompt:${event.turn}`, "prompt", { state: "queued" });
        break;
      case "turn_ended":
        this.ended(event);
        break;
      case "message_appended":
        this.said(event);
        break;
      case "tool_call_updated":
        this.called(event);
        break;
      case "plan_updated":
        this.plan = event.entries;
        this.add(event, { kind: "plan", entries: event.entries }, `plan:${event.seq}`);
        break;
      case "permission_requested":
        this.add(event, { kind: "permission", asked: event, decided: null }, `permission:${event.request}`);
        this.change(event, `tool:${event.turn}:${event.tool_call.id}`, "tool", { permission: event.request });
        break;
      case "permission_decided":
        this.change(event, `permission:${event.request}`, "permission", { decided: event });
        break;
      case "elicitation_requested":
        this.add(event, { kind: "question", asked: event, answered: null }, `question:${event.request}`);
        break;
      case "elicitation_answered":
        this.change(event, `question:${event.request}`, "question", { answered: event });
        break;
      case "agent_sign_in_requested":
      case "agent_signed_in":
      case "agent_sign_in_failed":
      case "agent_auth_required":
      case "attempt_failed":
      case "config_rejected":
      case "session_stopped":
      case "session_hibernated":
      case "workspace_ready":
      case "log_note":
        this.closeMessages();
        this.add(event, { kind: "note", event }, `note:${event.seq}`);
        break;
      case "session_created":
      case "session_updated":
      case "session_waiting":
      case "attempt_assigned":
      case "attempt_refused":
      case "attempt_started":
      case "attempt_ended":
      case "agent_launched":
      case "agent_initialized":
      case "agent_session_started":
      case "agent_exited":
      case "agent_diagnostic":
      case "config_updated":
      case "config_requested":
      case "agent_commands_updated":
      case "turn_handed_over":
      case "turn_cancel_requested":
      case "usage_updated":
      case "session_stopping":
      case "session_archived":
      case "session_unarchived":
      case "session_deleted":
        break;
      default:
        this.add(given, { kind: "unknown", event: given }, `unknown:${given.seq}`);
        event satisfies never;
    }
  }

  private add(event: Event, part: Part, id: string): void {
    if (this.places.has(id)) return;
    const base = { id, seq: event.seq, version: event.seq, at: event.at, turn: event.turn ?? null };
    this.places.set(id, this.items.length);
    this.items.push({ ...base, ...part } as Item);
  }

  private find<K extends Item["kind"]>(id: string, kind: K): ItemOf<K> | null {
    const place = this.places.get(id);
    const item = place === undefined ? undefined : this.items[place];
    return item?.kind === kind ? (item as ItemOf<K>) : null;
  }

  private change<K extends Item["kind"]>(event: Event, id: string, kind: K, to: Partial<ItemOf<K>>): void {
    const place = this.places.get(id);
    const item = this.find(id, kind);
    if (item === null || place === undefined) return;
    this.items[place] = { ...item, ...to, version: event.seq } as Item;
  }

  private turn(event: Event, to: Partial<TurnRecord>): void {
    if (!event.turn) return;
    const held = this.turns.get(event.turn) ?? {
      id: event.turn,
      number: null,
      queued_at: null,
      started_at: null,
      ended: null,
      seq: event.seq,
    };
    this.turns.set(event.turn, { ...held, ...to });
  }

  private queued(event: EventOf<"turn_queued">): void {
    if (!event.turn) return;
    this.queue = event.front ? [event.turn, ...this.queue] : [...this.queue, event.turn];
    this.turn(event, { queued_at: event.at });
    const { content, source = "user", command = null } = event;
    this.add(event, { kind: "prompt", content, source, command, state: "queued" }, `prompt:${event.turn}`);
  }

  private moved(event: EventOf<"queue_entry_moved">): void {
    if (!event.turn) return;
    const others = this.queue.filter((turn) => turn !== event.turn);
    const place = Math.max(0, event.position - 1);
    this.queue = [...others.slice(0, place), event.turn, ...others.slice(place)];
  }

  /** A prompt stands where its turn begins, not where it was queued. */
  private started(event: EventOf<"turn_started">): void {
    this.queue = this.queue.filter((turn) => turn !== event.turn);
    this.turn(event, { started_at: event.at, number: event.number });
    this.closeMessages();
    const id = `prompt:${event.turn}`;
    const prompt = this.find(id, "prompt");
    if (prompt === null) return;
    const place = this.places.get(id) ?? 0;
    if (place < this.items.length - 1) {
      this.items.splice(place, 1);
      for (let at = place; at < this.items.length; at += 1) {
        const item = this.items[at];
        if (item) this.places.set(item.id, at);
      }
      this.places.set(id, this.items.length);
      this.items.push(prompt);
    }
    this.change(event, id, "prompt", { state: "started" });
  }

  private ended(event: EventOf<"turn_ended">): void {
    this.turn(event, { ended: event });
    this.closeMessages();
    for (let at = this.items.length - 1; at >= 0; at -= 1) {
      const item = this.items[at];
      if (!item || item.turn !== event.turn) break;
      if (item.kind === "tool" && item.call.status !== "completed" && item.call.status !== "failed") {
        this.items[at] = { ...item, cut_off: true, until: event.at, version: event.seq };
      }
    }
    this.add(event, { kind: "note", event }, `note:${event.seq}`);
  }

  private said(event: EventOf<"message_appended">): void {
    if (event.role === "user") return;
    const id = `message:${event.message}:${event.channel}`;
    const held = this.find(id, "message");
    const text = event.content.type === "text" ? event.content.text : "";
    const others = event.content.type === "text" ? [] : [event.content];
    if (held === null) {
      this.closeMessages();
      const { channel, at } = event;
      this.add(event, { kind: "message", channel, text, others, until: at, open: true }, id);
      return;
    }
    this.change(event, id, "message", {
      text: held.text + text,
      others: others.length === 0 ? held.others : [...held.others, ...others],
      until: event.at,
    });
  }

  private called(event: EventOf<"tool_call_updated">): void {
    const id = `tool:${event.turn}:${event.tool_call.id}`;
    const held = this.find(id, "tool");
    if (held === null) {
      this.closeMessages();
      const { tool_call: call, at } = event;
      this.add(event, { kind: "tool", call, until: at, permission: null, cut_off: false }, id);
      return;
    }
    this.change(event, id, "tool", { call: merged(held.call, event.tool_call), until: event.at });
  }

  /** The last message is whole once anything else comes. */
  private closeMessages(): void {
    const item = this.items.at(-1);
    if (item?.kind === "message" && item.open) this.items[this.items.length - 1] = { ...item, open: false };
  }
}

type Part = Item extends infer T ? (T extends Item ? Omit<T, keyof Base> : never) : never;

/** What the newer one tells; what it does not tell stays, lists are replaced whole. */
function merged(old: ToolCall, newer: ToolCall): ToolCall {
  const told = Object.entries(newer).filter(([, value]) => value !== undefined && value !== null);
  return { ...old, ...Object.fromEntries(told) } as ToolCall;
}
