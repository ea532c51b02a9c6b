/** Items become rows, and runs of reads one row. Only what follows a change is made anew. */
import type { Item, ItemOf, PlanEntry } from "./items";
import type { Row, RowOf } from "./row";
import type { Transcript } from "./transcript";

/** Fewer reads than this are told one by one. */
const GROUP_MIN = 3;

export type Body = {
  readonly items: readonly Item[];
  readonly turns: Transcript["turns"];
  readonly rows: readonly Row[];
  /** The place of the first item of each row. */
  readonly starts: readonly number[];
};

export const noBody: Body = { items: [], turns: new Map(), rows: [], starts: [] };

/** The rows of items; those of `held` that did not change are taken from there. */
export function bodyOf(items: readonly Item[], turns: Transcript["turns"], held: Body): Body {
  return withTurns(changedBody(items, turns, held), turns);
}

function changedBody(items: readonly Item[], turns: Transcript["turns"], held: Body): Body {
  const changed = firstChange(items, held.items);
  if (changed === items.length && changed === held.items.length) return held;
  // A run of reads may have become longer, so it is gathered again from its beginning.
  let from = changed;
  while (from > 0 && isQuiet(items[from - 1])) from -= 1;
  const builder = new Builder(items, turns, held, held.starts.findLastIndex((start) => start < from) + 1);
  builder.run(from);
  // The rows that stayed know the turns as they were.
  return { items, turns: held.turns, rows: builder.rows, starts: builder.starts };
}

function firstChange(items: readonly Item[], held: readonly Item[]): number {
  const most = Math.min(items.length, held.length);
  let at = 0;
  while (at < most && items[at] === held[at]) at += 1;
  return at;
}

/** Turns end without a change of their first row's item. */
function withTurns(body: Body, turns: Transcript["turns"]): Body {
  if (body.turns === turns) return body;
  let changed = false;
  const rows = body.rows.map((row) => {
    if (row.kind !== "turn" || row.turn === null) return row;
    const record = turns.get(row.turn) ?? null;
    if (record === row.record) return row;
    changed = true;
    return { ...row, record, version: turnVersion(row.prompt, record, row.seq) };
  });
  return changed ? { ...body, rows, turns } : { ...body, turns };
}

/** Makes rows of items from one place on, behind the rows that stay. */
class Builder {
  readonly rows: Row[];
  readonly starts: number[];
  private readonly items: readonly Item[];
  private readonly turns: Transcript["turns"];
  private readonly known: ReadonlyMap<string, Row>;

  /** `kept` rows of those that are held stay. */
  constructor(items: readonly Item[], turns: Transcript["turns"], held: Body, kept: number) {
    this.items = items;
    this.turns = turns;
    this.rows = held.rows.slice(0, kept);
    this.starts = held.starts.slice(0, kept);
    this.known = new Map(held.rows.slice(kept).map((row) => [row.id, row]));
  }

  run(from: number): void {
    for (let at = from; at < this.items.length;) {
      const item = this.items[at];
      if (!item) return;
      const run = isGroupable(item) ? this.runAt(at) : null;
      if (run && run.members.length >= GROUP_MIN) {
        this.header(item, at);
        this.push(groupOf(run.members), at);
        at = run.end;
        continue;
      }
      this.one(item, at);
      at += 1;
    }
  }

  /** Reads and searches from here on, past items that make no row. */
  private runAt(from: number): { members: ItemOf<"tool">[]; end: number } {
    const members: ItemOf<"tool">[] = [];
    let end = from;
    for (let at = from; at < this.items.length; at += 1) {
      const item = this.items[at];
      if (
        !item ||
        !isQuiet(item) ||
        (isGroupable(item) && item.turn !== members[0]?.turn && members.length > 0)
      )
        break;
      if (!isGroupable(item)) continue;
      members.push(item);
      end = at + 1;
    }
    return { members, end };
  }

  private one(item: Item, at: number): void {
    if (isHidden(item)) return;
    if (item.kind !== "prompt") this.header(item, at);
    const base = { id: item.id, version: versionOf(item), seq: item.seq, turn: item.turn };
    switch (item.kind) {
      case "prompt": {
        const record = item.turn === null ? null : (this.turns.get(item.turn) ?? null);
        const version = turnVersion(item, record, item.seq);
        this.push({ ...base, kind: "turn", id: `turn:${item.turn}`, version, record, prompt: item }, at);
        break;
      }
      case "message":
        this.push({ ...base, kind: item.channel === "thought" ? "thought" : "message", item }, at);
        break;
      case "tool":
        this.push({ ...base, kind: "tool", item }, at);
        break;
      case "plan": {
        const changes = planChanges(this.planBefore(at), item.entries);
        if (changes.length > 0) this.push({ ...base, kind: "plan", item, changes }, at);
        break;
      }
      case "permission":
        this.push({ ...base, kind: "permission", item }, at);
        break;
      case "question":
        this.push({ ...base, kind: "question", item }, at);
        break;
      case "note": {
        const record = item.event.type === "turn_ended" && item.turn ? this.turns.get(item.turn) : undefined;
        this.push(record ? { ...base, kind: "end", item, record } : { ...base, kind: "note", item }, at);
        break;
      }
      case "unknown":
        this.push({ ...base, kind: "unknown", item }, at);
        break;
    }
  }

  /** A turn whose prompt is not here begins with the first that it did. */
  private header(item: Item, at: number): void {
    const { turn, seq } = item;
    if (turn === null) return;
    for (let row = this.rows.length - 1; row >= 0; row -= 1) {
      const above = this.rows[row];
      if (above?.turn === turn) return;
    }
    const record = this.turns.get(turn) ?? null;
    const version = turnVersion(null, record, seq);
    this.push({ kind: "turn", id: `turn:${turn}:rest`, version, seq, turn, record, prompt: null }, at);
  }

  private planBefore(at: number): readonly PlanEntry[] {
    for (let before = at - 1; before >= 0; before -= 1) {
      const item = this.items[before];
      if (item?.kind === "plan") return item.entries;
    }
    return [];
  }

  private push(row: Row, at: number): void {
    const known = this.known.get(row.id);
    this.rows.push(known && known.version === row.version && known.kind === row.kind ? known : row);
    this.starts.push(at);
  }
}

function groupOf(members: readonly ItemOf<"tool">[]): RowOf<"group"> {
  const [first] = members;
  const version = Math.max(...members.map((item) => item.version));
  const until = members.reduce((latest, item) => (item.until > latest ? item.until : latest), "");
  return {
    kind: "group",
    id: `group:${first?.id}`,
    version: `${members.length}.${version}`,
    seq: first?.seq ?? 0,
    turn: first?.turn ?? null,
    members,
    reads: members.filter((item) => item.call.kind === "read").length,
    searches: members.filter((item) => item.call.kind === "search").length,
    at: first?.at ?? until,
    until,
  };
}

function isGroupable(item: Item | undefined): item is ItemOf<"tool"> {
  if (item?.kind !== "tool" || item.permission !== null || item.cut_off) return false;
  return item.call.status === "completed" && (item.call.kind === "read" || item.call.kind === "search");
}

/** What makes no row: prompts that wait or were dropped, and messages that say nothing. */
function isHidden(item: Item): boolean {
  if (item.kind === "prompt") return item.state !== "started";
  return item.kind === "message" && item.others.length === 0 && item.text.trim() === "";
}

function isQuiet(item: Item | undefined): boolean {
  return item !== undefined && (isHidden(item) || isGroupable(item));
}

/** The entries that are new or are in another state than before. */
export function planChanges(before: readonly PlanEntry[], now: readonly PlanEntry[]): readonly PlanEntry[] {
  const states = new Map(before.map((entry) => [entry.content, entry.status]));
  return now.filter((entry) => states.get(entry.content) !== entry.status);
}

function versionOf({ seq, version }: Item): string {
  return `${seq}.${version}`;
}

function turnVersion(
  prompt: Item | null,
  record: { ended: { seq: number } | null } | null,
  seq: number,
): string {
  return `${prompt ? versionOf(prompt) : seq}.${record?.ended?.seq ?? 0}`;
}
