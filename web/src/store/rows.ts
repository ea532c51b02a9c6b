/** The rows of a log: what its items say, what stands before and after them, and the line where somebody left. */
import type { Log } from "./log";
import { pendingOf, type Pending, type Refusal } from "./overlay";
import type { Row } from "./row";
import { bodyOf, noBody, type Body } from "./row-body";

export type { Row, RowOf } from "./row";
export { rowOf } from "./row";

export type RowsInput = {
  readonly log: Log;
  /** Up to where it was looked at before; `null` if no line shall tell. */
  readonly seen: number | null;
  readonly pending: readonly Pending[];
  readonly refusals: readonly Refusal[];
};

/** The rows, and what is needed to make the next ones quickly. */
export type Rows = { readonly rows: readonly Row[]; readonly body: Body; readonly input: RowsInput };

/** The rows of a log. Give the ones from before: rows that did not change are the same objects. */
export function rowsOf(input: RowsInput, held: Rows | null): Rows {
  if (held && sameInput(input, held.input)) return held;
  const { items, turns } = input.log.transcript;
  const body = bodyOf(items, turns, held?.body ?? noBody);
  const left = withoutTaken(body.rows, input);
  const rows = [startOf(input.log), ...withNewLine(left, input.seen), ...tailOf(input)];
  return { rows: keepingRows(rows, held?.rows ?? []), body, input };
}

function sameInput(a: RowsInput, b: RowsInput): boolean {
  return a.log === b.log && a.seen === b.seen && a.pending === b.pending && a.refusals === b.refusals;
}

/** Rows at the ends are made each time; those that were there are taken. */
function keepingRows(rows: readonly Row[], held: readonly Row[]): readonly Row[] {
  const ends = new Map(held.filter(isExtra).map((row) => [row.id, row]));
  const next = rows.map((row) => {
    const known = isExtra(row) ? ends.get(row.id) : undefined;
    return known && known.version === row.version ? known : row;
  });
  const same = next.length === held.length && next.every((row, at) => row === held[at]);
  return same ? held : next;
}

function isExtra(row: Row): boolean {
  switch (row.kind) {
    case "start":
    case "older":
    case "newer":
    case "new":
    case "pending":
    case "refused":
    case "rewinding":
      return true;
    default:
      return false;
  }
}

/** What somebody takes back is out of sight at once, and stands there again if that is refused. */
function withoutTaken(rows: readonly Row[], { log, pending }: RowsInput): readonly Row[] {
  const command = rewindOf(log, pending);
  if (command === null) return rows;
  const at = rows.findIndex((row) => row.kind === "turn" && row.turn === command.turn);
  return at === -1 ? rows : rows.slice(0, at);
}

function rewindOf({ session, live }: Log, pending: readonly Pending[]) {
  return live ? (pendingOf(pending, session, "rewind")[0] ?? null) : null;
}

function startOf(log: Log): Row {
  const kind = log.first > 1 ? "older" : "start";
  return { kind, id: kind, version: kind, seq: log.first, turn: null };
}

function tailOf({ log, pending, refusals }: RowsInput): readonly Row[] {
  const seq = log.last + 1;
  if (!log.live) return [{ kind: "newer", id: "newer", version: "newer", seq, turn: null }];
  const rows: Row[] = [];
  const taking = rewindOf(log, pending);
  if (taking !== null) {
    const id = `rewinding:${taking.key}`;
    rows.push({ kind: "rewinding", id, version: id, seq, turn: null });
  }
  for (const refusal of refusals) {
    if (refusal.command.session !== log.session || refusal.command.kind !== "prompt") continue;
    const id = `refused:${refusal.command.key}`;
    rows.push({ kind: "refused", id, version: id, seq, turn: null, refusal });
  }
  for (const command of pending) {
    // One that will wait is in the queue.
    if (command.session !== log.session || command.kind !== "prompt" || command.waits === true) continue;
    const id = `pending:${command.key}`;
    const version = command.reached === undefined ? "sent" : "answered";
    rows.push({ kind: "pending", id, version, seq, turn: null, command });
  }
  return rows;
}

/** The line stands before the first row that began since; not if all is new, and not if nothing is. */
function withNewLine(rows: readonly Row[], seen: number | null): readonly Row[] {
  if (seen === null || seen <= 0) return rows;
  const at = rows.findIndex((row) => row.seq > seen);
  const first = rows[at];
  if (at <= 0 || !first) return rows;
  const line: Row = { kind: "new", id: "new", version: String(first.seq), seq: first.seq, turn: first.turn };
  return [...rows.slice(0, at), line, ...rows.slice(at)];
}
