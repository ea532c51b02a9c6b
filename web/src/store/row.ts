/** The rows of a transcript as they are shown: what each kind holds. */
import { itemIdOf, type Item, type ItemOf, type PlanEntry, type TurnRecord } from "./items";
import type { Pending, Refusal } from "./overlay";
import type { Event, TurnId } from "./types";

type Base = {
  /** Stays the same while the row grows; unique among the rows. */
  readonly id: string;
  /** The same id and version are the same content, and then the row is the same object, too. */
  readonly version: string;
  /** The event it began with; links point at it. */
  readonly seq: number;
  readonly turn: TurnId | null;
};

export type Row = Base &
  /** What is before the first row: nothing, or more than is held. And after the last one, when the window is not at the end. */
  (
    | { readonly kind: "start" | "older" | "newer" }
    /** A turn begins. Without its prompt if that came before what is held. */
    | {
        readonly kind: "turn";
        readonly record: TurnRecord | null;
        readonly prompt: ItemOf<"prompt"> | null;
      }
    | { readonly kind: "message" | "thought"; readonly item: ItemOf<"message"> }
    | { readonly kind: "tool"; readonly item: ItemOf<"tool"> }
    /** Three or more finished reads and searches. */
    | {
        readonly kind: "group";
        readonly members: readonly ItemOf<"tool">[];
        readonly reads: number;
        readonly searches: number;
        readonly at: string;
        readonly until: string;
      }
    /** What a new plan changed. */
    | {
        readonly kind: "plan";
        readonly item: ItemOf<"plan">;
        readonly changes: readonly PlanEntry[];
      }
    | { readonly kind: "permission"; readonly item: ItemOf<"permission"> }
    | { readonly kind: "question"; readonly item: ItemOf<"question"> }
    | { readonly kind: "end"; readonly record: TurnRecord; readonly item: ItemOf<"note"> }
    | { readonly kind: "note"; readonly item: ItemOf<"note"> }
    | { readonly kind: "unknown"; readonly item: ItemOf<"unknown"> }
    /** What follows came since somebody looked. */
    | { readonly kind: "new" }
    /** A prompt that is on its way, or was refused. */
    | { readonly kind: "pending"; readonly command: Pending & { kind: "prompt" } }
    | { readonly kind: "refused"; readonly refusal: Refusal }
    /** What stood here is being taken back. */
    | { readonly kind: "rewinding" }
  );

export type RowOf<K extends Row["kind"]> = Extract<Row, { kind: K }>;

/** The row in which an event is shown; for one that is not shown the row before it. `null` if none of its turn is held. */
export function rowOf(rows: readonly Row[], event: Event): Row | null {
  const id = itemIdOf(event);
  const own = rows.find((row) =>
    row.kind === "group" ? row.members.some((item) => item.id === id) : itemOf(row)?.id === id,
  );
  if (own) return own;
  const turn = event.turn ?? null;
  const before = rows.filter(
    (row) => row.seq <= event.seq && (turn === null ? itemOf(row) : row.turn === turn),
  );
  return before.at(-1) ?? null;
}

function itemOf(row: Row): Item | null {
  if (row.kind === "turn") return row.prompt;
  return "item" in row ? row.item : null;
}
