/** Rows: what is grouped and what never is, and that rows made piece by piece are those made at once. */
import { describe, expect, it } from "vitest";
import { teller } from "../../test/build";
import { golden, goldenOf, realRun } from "../../test/golden";
import { chunks, random, seeds } from "../../test/random";
import { newLog, type Log } from "./log";
import { rowOf, rowsOf, type Row, type Rows } from "./rows";
import type { Pending } from "./overlay";
import { extend, noTranscript } from "./transcript";
import type { Event, EventOf } from "./types";

function logOf(events: readonly Event[]): Log {
  const last = events.at(-1)?.seq ?? 0;
  return { ...newLog("s"), is: "ready", events, last, transcript: extend(noTranscript, events) };
}

function made(
  log: Log,
  held: Rows | null = null,
  over: { seen?: number; pending?: readonly Pending[] } = {},
): Rows {
  const { seen = null, pending = none } = over;
  return rowsOf({ log, seen, pending, refusals: none }, held);
}
const none: readonly never[] = [];
const callOf = (event: Event) => (event as EventOf<"tool_call_updated">).tool_call.id;
const kinds = (rows: readonly Row[]) => rows.map((row) => row.kind);
const strip = (rows: readonly Row[]) => JSON.parse(JSON.stringify(rows)) as unknown;

describe.each(golden)("$name", ({ events }) => {
  it("has the same rows in pieces as at once, and leaves what did not change the same object", () => {
    for (const seed of seeds(30)) {
      let log = logOf([]);
      let held: Rows | null = null;
      for (const piece of chunks(events, random(seed), 9)) {
        log = { ...log, events: [...log.events, ...piece], transcript: extend(log.transcript, piece) };
        const before: readonly Row[] = held?.rows ?? [];
        held = made(log, held);
        const fresh = made(log);
        expect(strip(held.rows), `seed ${seed}`).toEqual(strip(fresh.rows));
        const known = new Map<string, Row>(before.map((row) => [`${row.id} ${row.version}`, row]));
        for (const row of held.rows) {
          const same = known.get(`${row.id} ${row.version}`);
          if (same) expect(row, `${row.id} ${row.version}`).toBe(same);
        }
      }
    }
  });

  it("has one row for each id, and one content for each version", () => {
    const contents = new Map<string, string>();
    for (let end = 0; end <= events.length; end += 1) {
      const { rows } = made(logOf(events.slice(0, end)));
      expect(new Set(rows.map((row) => row.id)).size).toBe(rows.length);
      for (const row of rows) {
        if (row.kind === "start") continue;
        const name = `${row.id} ${row.version}`;
        const content = JSON.stringify(row);
        expect(contents.get(name) ?? content, name).toBe(content);
        contents.set(name, content);
      }
    }
  });

  it("has a row for each event of each item", () => {
    const { rows } = made(logOf(events));
    for (const event of events) {
      const row = rowOf(rows, event);
      if (event.turn && event.type !== "queue_entry_dropped")
        expect(row?.turn ?? event.turn).toBe(event.turn);
      if (event.type === "tool_call_updated" && row?.kind !== "group") {
        expect(row).toMatchObject({ kind: "tool", item: { call: { id: callOf(event) } } });
      }
      if (event.type === "turn_started" && row) expect(row.kind).toBe("turn");
    }
  });
});

describe("groups", () => {
  it("joins finished reads and searches, once there are three", () => {
    const { rows } = made(logOf(realRun.events));
    const [group] = rows.filter((row) => row.kind === "group");
    expect(group).toMatchObject({ reads: 5, searches: 1 });
    // Two are no run.
    expect(rows.filter((row) => row.kind === "tool" && row.item.call.kind === "read")).not.toHaveLength(0);
  });

  it("leaves out one that was asked about", () => {
    const tell = teller("s");
    const turn = "trn_1";
    const events = [1, 2, 3, 4, 5, 6].flatMap((n) => {
      const call = { id: `c${n}`, kind: "read", status: "completed" } as const;
      const done = tell({ type: "tool_call_updated", turn, tool_call: call });
      if (n !== 3) return [done];
      return [
        done,
        tell({ type: "permission_requested", turn, request: "prm_1", tool_call: { id: "c3" }, options: [] }),
      ];
    });
    expect(kinds(made(logOf(events)).rows)).toEqual([
      "start",
      "turn",
      "tool",
      "tool",
      "tool",
      "permission",
      "group",
    ]);
  });

  it("never joins what runs, failed, edits, runs a command, or was asked about", () => {
    for (const { events } of golden) {
      for (let end = 0; end <= events.length; end += 1) {
        for (const row of made(logOf(events.slice(0, end))).rows) {
          if (row.kind !== "group") continue;
          expect(row.members.length).toBeGreaterThanOrEqual(3);
          for (const { call, permission, cut_off, turn } of row.members) {
            expect(call.status).toBe("completed");
            expect(["read", "search"]).toContain(call.kind);
            expect(permission).toBeNull();
            expect(cut_off).toBe(false);
            expect(turn).toBe(row.turn);
          }
        }
      }
    }
  });
});

describe("turns", () => {
  it("begins each with its prompt and ends it with how it ended", () => {
    const { rows } = made(logOf(realRun.events));
    const heads = rows.filter((row) => row.kind === "turn");
    const ends = rows.filter((row) => row.kind === "end");
    expect(heads.map((row) => row.record?.number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(heads.every((row) => row.prompt !== null && row.record?.ended)).toBe(true);
    expect(ends.map((row) => row.record.number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it("tells of a turn whose prompt is not held", () => {
    const events = realRun.events.filter((event) => event.seq > 20);
    const log = { ...logOf(events), first: 21 };
    const [older, head] = made(log).rows;
    expect([older?.kind, head?.kind]).toEqual(["older", "turn"]);
    expect(head).toMatchObject({ prompt: null });
  });

  it("shows a plan by what it changed", () => {
    const plans = made(logOf(realRun.events)).rows.filter((row) => row.kind === "plan");
    expect(plans.map((row) => row.changes.map((entry) => entry.status))).toEqual([
      ["in_progress", "pending", "pending"],
      ["completed", "in_progress"],
    ]);
  });
});

describe("what stands before and after", () => {
  const log = logOf(realRun.events);
  const prompt: Pending = {
    key: "k",
    at: 0,
    session: "s",
    kind: "prompt",
    content: [{ type: "text", text: "Next" }],
  };

  it("draws the line where somebody left, not above all and not below", () => {
    const middle = realRun.events[60]?.seq ?? 0;
    const { rows } = made(log, null, { seen: middle });
    const at = rows.findIndex((row) => row.kind === "new");
    expect(rows.slice(0, at).every((row) => row.seq <= middle)).toBe(true);
    expect(rows[at + 1]?.seq).toBeGreaterThan(middle);
    for (const seen of [0, 9999]) expect(kinds(made(log, null, { seen }).rows)).not.toContain("new");
  });

  it("puts a prompt that is on its way at the end, and takes nothing else away for it", () => {
    const before = made(log);
    const after = made(log, before, { pending: [prompt] });
    expect(kinds(after.rows)).toEqual([...kinds(before.rows), "pending"]);
    const again = made(log, after, { pending: [prompt] });
    expect(again.rows).toBe(after.rows);
  });

  it("shows a prompt that will wait in the queue and not here", () => {
    const { rows } = made(log, null, { pending: [{ ...prompt, waits: true }] });
    expect(kinds(rows)).not.toContain("pending");
  });

  it("says that there is more after a window that is not at the end", () => {
    const { rows } = made({ ...log, live: false }, null, { pending: [prompt] });
    expect(rows.at(-1)?.kind).toBe("newer");
  });

  it("is the same list when nothing changed", () => {
    const held = made(log);
    expect(made({ ...log }, held).rows).toBe(held.rows);
  });
});

it("leads from an event to its row", () => {
  const { events } = goldenOf("main-job");
  const { rows } = made(logOf(events));
  const kindAt = (seq: number) => events[seq - 1] && rowOf(rows, events[seq - 1] as Event)?.kind;
  expect([kindAt(27), kindAt(17), kindAt(22), kindAt(18), kindAt(45)]).toEqual([
    "message",
    "tool",
    "turn",
    "unknown",
    "end",
  ]);
});
