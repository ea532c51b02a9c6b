/** Where a text is found in a session: in the rows that are held, and by the server in those that are not. Pure. */
import { itemIdOf } from "@/store/items";
import type { Row } from "@/store/rows";
import type { Event } from "@/store/types";
import { findables, type About } from "./row-text";

export type Hit = {
  /** The row; of what the server found, the item. */
  readonly id: string;
  /** The first event of what it is in, and the last; of what the server found, the event itself. */
  readonly seq: number;
  readonly until: number;
  /** Which of those in the same row. */
  readonly nth: number;
  readonly opens: readonly string[];
};

/** More in one row do not help anybody. */
const ROW_MAX = 200;

/** In the order in which they stand. */
export function hitsIn(rows: readonly Row[], wanted: string, about: About): readonly Hit[] {
  const q = wanted.toLowerCase();
  if (q === "") return [];
  const hits: Hit[] = [];
  for (const row of rows) {
    let nth = 0;
    for (const { text, seq, until, opens } of findables(row, about)) {
      for (let at = text.indexOf(q); at !== -1 && nth < ROW_MAX; at = text.indexOf(q, at + q.length)) {
        hits.push({ id: row.id, seq, until, nth, opens });
        nth += 1;
      }
    }
  }
  return hits;
}

/** What the server found: one for each thing, however many events told of it. */
export function hitsOf(events: readonly Event[]): readonly Hit[] {
  const found = new Map<string, Hit>();
  for (const event of events) {
    const id = itemIdOf(event) ?? `event:${event.seq}`;
    if (!found.has(id)) found.set(id, { id, seq: event.seq, until: event.seq, nth: 0, opens: [] });
  }
  return [...found.values()];
}

type Window = { readonly first: number; readonly last: number };

/** What was found in a window stays found when another one is loaded, as long as the text is the same. */
export type Memory = (q: string, far: readonly Hit[], held: readonly Hit[], window: Window) => readonly Hit[];

export function newMemory(): Memory {
  let of = "";
  let known: readonly Hit[] = [];
  return (q, far, held, window) => {
    if (of !== q) known = [];
    of = q;
    const have = new Set(known.map(({ id, nth }) => `${id} ${nth}`));
    const more = far.filter(({ id, nth }) => !have.has(`${id} ${nth}`));
    known = joined([...known, ...more], held, window);
    return known;
  };
}

/** Those of the rows, and of those known from before the ones that are not in the window. */
function joined(known: readonly Hit[], held: readonly Hit[], window: Window): readonly Hit[] {
  const outside = known.filter(({ seq, until }) => until < window.first || seq > window.last);
  if (outside.length === 0) return held;
  const before = outside.filter(({ until }) => until < window.first);
  const after = outside.filter(({ seq }) => seq > window.last);
  const bySeq = (a: Hit, b: Hit) => a.seq - b.seq || a.nth - b.nth;
  return [...before.sort(bySeq), ...held, ...after.sort(bySeq)];
}

/** The place of a hit among others: itself, or what it became when its row was loaded. */
export function placeIn(hits: readonly Hit[], hit: Hit | null): number {
  if (hit === null) return -1;
  const own = hits.findIndex(({ id, nth }) => id === hit.id && nth === hit.nth);
  return own === -1 ? hits.findIndex(({ seq, until }) => seq <= hit.seq && hit.seq <= until) : own;
}

/** Where looking begins: at the first one in sight or below, else at the last. */
export function firstFrom(hits: readonly Hit[], seq: number): Hit | null {
  return hits.find(({ until }) => until >= seq) ?? hits.at(-1) ?? null;
}

/** The next one in a direction; after the last comes the first. */
export function stepped(hits: readonly Hit[], from: number, by: 1 | -1): Hit | null {
  if (hits.length === 0) return null;
  if (from === -1) return (by === 1 ? hits[0] : hits.at(-1)) ?? null;
  return hits[(from + by + hits.length) % hits.length] ?? null;
}
