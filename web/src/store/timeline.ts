/** The turns of a session as they took their time: what each asked, how long it took, what it did meanwhile, how it ended. */
import { isFinal, type Item, type ItemOf, type TurnRecord } from "./items";
import type { Transcript } from "./transcript";
import type { EventOf, TurnId } from "./types";

/** A piece of a turn's time, in milliseconds since its start. */
export type Span = {
  readonly kind: "thought" | "answer" | "tool" | "asked";
  readonly item: string;
  readonly from: number;
  /** `null` while it goes on. */
  readonly to: number | null;
};

export type TimelineTurn = {
  readonly id: TurnId;
  readonly number: number | null;
  /** The event that leads to it in the transcript. */
  readonly seq: number;
  readonly prompt: ItemOf<"prompt"> | null;
  readonly queued_at: string | null;
  readonly started_at: string | null;
  readonly ended_at: string | null;
  /** `null` while it runs, or where its start is not held. */
  readonly took_ms: number | null;
  readonly ended: EventOf<"turn_ended"> | null;
  /** Whether it was taken back: then what it did is not told any more. */
  readonly taken: boolean;
  readonly tools: number;
  readonly failed: number;
  readonly asked: number;
  readonly spans: readonly Span[];
};

/** A selector of the turns that have begun, oldest first; those that did not change are the same objects. */
export function newTimeline(): (transcript: Transcript) => readonly TimelineTurn[] {
  let before: Transcript | null = null;
  let held: readonly TimelineTurn[] = [];
  return (transcript) => {
    if (transcript === before) return held;
    const known = new Map(held.map((turn) => [turn.id, turn]));
    const items = itemsByTurn(transcript);
    const turns = [...transcript.turns.values()]
      .filter((record) => record.started_at !== null || record.ended !== null)
      .map((record) => {
        const last = known.get(record.id);
        const own = items.get(record.id) ?? [];
        // An ended turn is as it is, unless older events of it came in.
        const isSame =
          last?.ended &&
          last.ended === record.ended &&
          last.taken === record.taken &&
          last.seq === seqOf(own, record);
        return isSame ? last : turnOf(record, own);
      })
      // One without a number began before what is held.
      .sort((a, b) => (a.number ?? 0) - (b.number ?? 0) || a.seq - b.seq);
    before = transcript;
    held = turns.length === held.length && turns.every((turn, at) => turn === held[at]) ? held : turns;
    return held;
  };
}

export function isRunning({ ended, started_at }: TimelineTurn): boolean {
  return ended === null && started_at !== null;
}

/** How long a turn took, or takes until `now`; never less than what is known of it, whatever the clock says. */
export function lengthOf(turn: TimelineTurn, now: number): number {
  if (turn.took_ms !== null) return turn.took_ms;
  const since = turn.started_at === null || turn.ended !== null ? 0 : now - Date.parse(turn.started_at);
  return Math.max(1, since, ...turn.spans.map((span) => span.to ?? span.from));
}

function itemsByTurn(transcript: Transcript): ReadonlyMap<TurnId, readonly Item[]> {
  const found = new Map<TurnId, Item[]>();
  for (const item of transcript.items) {
    if (item.turn === null) continue;
    const own = found.get(item.turn);
    if (own) own.push(item);
    else found.set(item.turn, [item]);
  }
  return found;
}

function seqOf(items: readonly Item[], record: TurnRecord): number {
  return items[0]?.seq ?? record.seq;
}

function turnOf(record: TurnRecord, items: readonly Item[]): TimelineTurn {
  const start = record.started_at === null ? null : Date.parse(record.started_at);
  const end = record.ended === null ? null : Date.parse(record.ended.at);
  const tools = items.filter((item) => item.kind === "tool");
  return {
    id: record.id,
    number: record.number,
    seq: seqOf(items, record),
    prompt: items.find((item) => item.kind === "prompt") ?? null,
    queued_at: record.queued_at,
    started_at: record.started_at,
    ended_at: record.ended?.at ?? null,
    took_ms: start === null || end === null ? null : Math.max(0, end - start),
    ended: record.ended,
    taken: record.taken,
    tools: tools.length,
    failed: tools.filter((item) => item.call.status === "failed").length,
    asked: items.filter((item) => item.kind === "permission" || item.kind === "question").length,
    spans: start === null ? [] : items.flatMap((item) => spanOf(item, start)),
  };
}

function spanOf(item: Item, start: number): readonly Span[] {
  const span = (kind: Span["kind"], until: string | null): readonly Span[] => [
    {
      kind,
      item: item.id,
      from: Math.max(0, Date.parse(item.at) - start),
      to: until === null ? null : Math.max(0, Date.parse(until) - start),
    },
  ];
  switch (item.kind) {
    case "message":
      return span(item.channel, item.open ? null : item.until);
    case "tool":
      return span("tool", isFinal(item.call) || item.cut_off ? item.until : null);
    case "permission":
      return span("asked", item.decided?.at ?? null);
    case "question":
      return span("asked", item.answered?.at ?? null);
    case "prompt":
    case "plan":
    case "note":
    case "unknown":
      return [];
  }
}
