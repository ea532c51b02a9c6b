/** A transcript while it is being extended. */
import type { Item, ItemOf, Part, PlanEntry, TurnRecord } from "./items";
import { placeOf } from "./places";
import { itemsUpTo, turnsUpTo } from "./taken";
import type { Transcript } from "./transcript";
import type { Event, TurnId } from "./types";

/** A transcript that is being extended; nobody sees it before it is done. */
export class Draft {
  readonly items: Item[];
  readonly places: Map<string, number>;
  private readonly before: ReadonlyMap<TurnId, TurnRecord>;
  private turns: Map<TurnId, TurnRecord> | null = null;
  open: readonly string[];
  queue: readonly TurnId[];
  plan: readonly PlanEntry[];

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

  /** A new item. What was being said before it is whole, unless more of it comes. */
  add(event: Event, part: Part, id: string): void {
    if (this.place(id) !== null) return;
    this.close(event);
    const base = { id, seq: event.seq, version: event.seq, at: event.at, turn: event.turn ?? null };
    this.places.set(id, this.items.length);
    // A part and a base are an item; the compiler does not distribute the spread over the kinds.
    this.items.push({ ...base, ...part } as Item);
  }

  place(id: string): number | null {
    return placeOf(this, id);
  }

  find<K extends Item["kind"]>(id: string, kind: K): ItemOf<K> | null {
    const place = this.place(id);
    const item = place === null ? undefined : this.items[place];
    return item?.kind === kind ? (item as ItemOf<K>) : null;
  }

  change<K extends Item["kind"]>(event: Event, id: string, kind: K, to: Partial<ItemOf<K>>): void {
    const place = this.place(id);
    const item = place === null ? undefined : this.items[place];
    if (item?.kind !== kind || place === null) return;
    this.items[place] = { ...item, ...to, version: event.seq } as Item;
  }

  turn(event: Event, to: Partial<TurnRecord>): void {
    if (!event.turn) return;
    this.turns ??= new Map(this.before);
    const held = this.turns.get(event.turn) ?? {
      id: event.turn,
      number: null,
      queued_at: null,
      started_at: null,
      ended: null,
      taken: false,
      seq: event.seq,
    };
    this.turns.set(event.turn, { ...held, ...to });
  }

  /** What came after an event is not part of the conversation any more. */
  cut(event: Event, after: number): void {
    this.close(event);
    const kept = itemsUpTo(this.items, after);
    this.items.splice(0, this.items.length, ...kept);
    kept.forEach((item, place) => this.places.set(item.id, place));
    this.turns = new Map(turnsUpTo(this.turns ?? this.before, after));
  }

  /** What was being said is whole. */
  close(event: Event): void {
    for (const id of this.open) this.change(event, id, "message", { open: false });
    if (this.open.length > 0) this.open = [];
  }
}
