/** Events become items: what was said and done, in the order of its beginning. */
import {
  isFinal,
  type Item,
  type ItemOf,
  type Part,
  type PlanEntry,
  type ToolCall,
  type TurnRecord,
} from "./items";
import type { Event, EventOf, KnownEvent, TurnId } from "./types";

export type { Item, ItemOf, PlanEntry, ToolCall, TurnRecord } from "./items";

export type Transcript = {
  readonly items: readonly Item[];
  /** Hints of where items are, shared with the transcripts that this one was made from: ask `placeOf`. */
  readonly places: Map<string, number>;
  /** Messages of which more may come. */
  readonly open: readonly string[];
  readonly turns: ReadonlyMap<TurnId, TurnRecord>;
  /** Prompts that wait, in the order in which they will be taken. */
  readonly queue: readonly TurnId[];
  readonly plan: readonly PlanEntry[];
};

export const noTranscript: Transcript = {
  items: [],
  places: new Map(),
  open: [],
  turns: new Map(),
  queue: [],
  plan: [],
};

/** Where an item is in `items`. A hint that is not true here is one of a sibling, which has other items at its end. */
export function placeOf({ items, places }: Pick<Transcript, "items" | "places">, id: string): number | null {
  const hint = places.get(id);
  if (hint === undefined) return null;
  if (items[hint]?.id === id) return hint;
  const found = items.findLastIndex((item) => item.id === id);
  return found === -1 ? null : found;
}

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
  private readonly before: ReadonlyMap<TurnId, TurnRecord>;
  private turns: Map<TurnId, TurnRecord> | null = null;
  private open: readonly string[];
  private queue: readonly TurnId[];
  private plan: readonly PlanEntry[];

  constructor(from: Transcript) {
    this.items = from.items.slice();
    this.places = from.items.length === 0 ? new Map() : from.places;
    this.before = from.turns;
    this.open = from.open;
    this.queue = from.queue;
    this.plan = from.plan;
  }

  done(): Transcript {
    const { items, places, open, queue, plan } = this;
    return { items, places, open, turns: this.turns ?? this.before, queue, plan };
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
        this.turn(event, { started_at: null, number: null });
        this.change(event, `prompt:${event.turn}`, "prompt", { state: "queued" });
        break;
      case "turn_ended":
        this.ended(event);
        break;
      case "message_appended":
        this.said(event);
        break;
      case "tool_call_updated":
        this.called(event, null);
        break;
      case "plan_updated":
        this.plan = event.entries;
        this.add(event, { kind: "plan", entries: event.entries }, `plan:${event.seq}`);
        break;
      case "permission_requested":
        this.called(event, event.request);
        this.add(event, { kind: "permission", asked: event, decided: null }, `permission:${event.request}`);
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
      case "session_cleared":
      case "agent_context_lost":
      case "workspace_ready":
      case "log_note":
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
      case "session_resumed":
      case "session_hibernating":
      case "session_kept_awake":
      case "session_archived":
      case "session_unarchived":
      case "session_deleted":
        break;
      default:
        this.add(given, { kind: "unknown", event: given }, `unknown:${given.seq}`);
        event satisfies never;
    }
  }

  /** A new item. What was being said before it is whole, unless more of it comes. */
  private add(event: Event, part: Part, id: string): void {
    if (this.place(id) !== null) return;
    this.close(event);
    const base = { id, seq: event.seq, version: event.seq, at: event.at, turn: event.turn ?? null };
    this.places.set(id, this.items.length);
    // A part and a base are an item; the compiler does not distribute the spread over the kinds.
    this.items.push({ ...base, ...part } as Item);
  }

  private place(id: string): number | null {
    return placeOf({ items: this.items, places: this.places }, id);
  }

  private find<K extends Item["kind"]>(id: string, kind: K): ItemOf<K> | null {
    const place = this.place(id);
    const item = place === null ? undefined : this.items[place];
    return item?.kind === kind ? (item as ItemOf<K>) : null;
  }

  private change<K extends Item["kind"]>(event: Event, id: string, kind: K, to: Partial<ItemOf<K>>): void {
    const place = this.place(id);
    const item = place === null ? undefined : this.items[place];
    if (item?.kind !== kind || place === null) return;
    this.items[place] = { ...item, ...to, version: event.seq } as Item;
  }

  private turn(event: Event, to: Partial<TurnRecord>): void {
    if (!event.turn) return;
    this.turns ??= new Map(this.before);
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
    if (!event.turn || !this.queue.includes(event.turn)) return;
    const others = this.queue.filter((turn) => turn !== event.turn);
    const place = Math.max(0, event.position - 1);
    this.queue = [...others.slice(0, place), event.turn, ...others.slice(place)];
  }

  /** A prompt stands where its turn begins, not where it was queued. */
  private started(event: EventOf<"turn_started">): void {
    this.queue = this.queue.filter((turn) => turn !== event.turn);
    this.turn(event, { started_at: event.at, number: event.number });
    this.close(event);
    const id = `prompt:${event.turn}`;
    const prompt = this.find(id, "prompt");
    if (prompt === null) return;
    const place = this.place(id) ?? 0;
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
    this.close(event);
    for (let at = this.items.length - 1; at >= 0; at -= 1) {
      const item = this.items[at];
      if (!item || (item.turn !== event.turn && item.turn !== null)) break;
      if (item.kind === "tool" && item.turn === event.turn && !isFinal(item.call)) {
        this.items[at] = { ...item, cut_off: true, until: event.at, version: event.seq };
      }
    }
    this.add(event, { kind: "note", event }, `note:${event.seq}`);
  }

  private said(event: EventOf<"message_appended">): void {
    if (event.role === "user") return;
    const text = event.content.type === "text" ? event.content.text : "";
    // Most of what comes is the next piece of what is being said: that is found without a look at the index.
    const item = this.items.at(-1);
    if (
      item?.kind === "message" &&
      item.open &&
      item.message === event.message &&
      item.channel === event.channel
    ) {
      const others = event.content.type === "text" ? item.others : [...item.others, event.content];
      this.items[this.items.length - 1] = {
        ...item,
        text: item.text + text,
        others,
        until: event.at,
        version: event.seq,
      };
      return;
    }
    const id = `message:${event.message}:${event.channel}`;
    const held = this.find(id, "message");
    const others = event.content.type === "text" ? [] : [event.content];
    if (held === null) {
      const { message, channel, at } = event;
      this.add(event, { kind: "message", message, channel, text, others, until: at, open: true }, id);
      this.open = [id];
      return;
    }
    if (!held.open) this.open = [...this.open, id];
    this.change(event, id, "message", {
      text: held.text + text,
      others: others.length === 0 ? held.others : [...held.others, ...others],
      until: event.at,
      open: true,
    });
  }

  /** A tool call, told or asked about: some agents ask before they tell. */
  private called(
    event: EventOf<"tool_call_updated"> | EventOf<"permission_requested">,
    permission: string | null,
  ): void {
    const id = `tool:${event.turn}:${event.tool_call.id}`;
    const held = this.find(id, "tool");
    if (held === null) {
      const { tool_call: call, at } = event;
      this.add(event, { kind: "tool", call, until: at, permission, cut_off: false }, id);
      return;
    }
    const call = merged(held.call, event.tool_call);
    const until = permission === null ? event.at : held.until;
    const cut_off = held.cut_off && !isFinal(call);
    this.change(event, id, "tool", { call, until, permission: permission ?? held.permission, cut_off });
  }

  /** What was being said is whole. */
  private close(event: Event): void {
    for (const id of this.open) this.change(event, id, "message", { open: false });
    if (this.open.length > 0) this.open = [];
  }
}

/** What the newer one tells; what it does not tell stays, lists are replaced whole. */
function merged(old: ToolCall, newer: ToolCall): ToolCall {
  const next = { ...old, ...newer };
  for (const [name, value] of Object.entries(old)) {
    // What is absent in JSON is not there at all; a null says as little.
    if (next[name as keyof ToolCall] == null) Object.assign(next, { [name]: value });
  }
  return next;
}
