/** The golden logs as transcripts: what the core makes of them, however they come in. */
import { describe, expect, it } from "vitest";
import { golden, goldenOf, realRun } from "../../test/golden";
import { chunks, random, seeds } from "../../test/random";
import { shownTranscript } from "../../test/shown";
import { extend, noTranscript, placeOf, type Item, type Transcript } from "./transcript";
import type { Event } from "./types";

const whole = (events: readonly Event[]) => extend(noTranscript, events);
const ofKind = <K extends Item["kind"]>(transcript: Transcript, kind: K) =>
  transcript.items.filter((item): item is Extract<Item, { kind: K }> => item.kind === kind);

describe.each(golden)("$name", ({ events, session }) => {
  it("says what the session object says", () => {
    if (!session) return;
    const transcript = whole(events);
    const ended = [...transcript.turns.values()].filter((turn) => turn.ended);
    const last = ended.at(-1);
    expect(last?.id).toBe(session.last_turn?.id);
    expect(last?.number).toBe(session.last_turn?.number);
    expect(last?.ended?.stop_reason).toBe(session.last_turn?.stop_reason);
    expect(last?.ended?.at).toBe(session.last_turn?.ended_at);
    const took = Date.parse(last?.ended?.at ?? "") - Date.parse(last?.started_at ?? "");
    expect(took).toBe(session.last_turn?.duration_ms);
    expect(transcript.queue).toHaveLength(session.queue_length);
    // A conversation that was cleared has no answer yet.
    const cleared = events.findLast((event) => event.type === "session_cleared")?.seq ?? 0;
    const answers = ofKind(transcript, "message").filter(
      (item) => item.channel === "answer" && item.seq > cleared,
    );
    expect(answers.at(-1)?.text ?? null).toBe(session.result);
    const tools = ofKind(transcript, "tool").filter((item) => item.turn === last?.id);
    expect(tools).toHaveLength(session.last_turn?.tools ?? 0);
    const asks = ofKind(transcript, "permission").filter((item) => !item.decided);
    expect(asks).toHaveLength(session.pending_permissions.length);
    expect(events.at(-1)?.seq).toBe(session.seq);
  });

  it("is the same in pieces of any size", () => {
    const expected = shownTranscript(whole(events));
    for (const seed of seeds(50)) {
      const pieces = chunks(events, random(seed), 12);
      const transcript = pieces.reduce(extend, noTranscript);
      expect(shownTranscript(transcript), `seed ${seed}`).toEqual(expected);
    }
  });

  it("finds each item where it is, and gives it its id but once", () => {
    const transcript = whole(events);
    for (const [place, item] of transcript.items.entries()) expect(placeOf(transcript, item.id)).toBe(place);
  });

  it("leaves what did not change the same object, and what it gave before as it was", () => {
    let transcript = noTranscript;
    for (const event of events) {
      const before = transcript;
      const copy = JSON.stringify(before.items);
      transcript = extend(transcript, [event]);
      expect(JSON.stringify(before.items)).toBe(copy);
      for (const item of before.items) {
        const now = transcript.items[placeOf(transcript, item.id) ?? -1];
        if (now?.version === item.version) expect(now).toBe(item);
      }
    }
  });

  it("has one content for each beginning and version", () => {
    const known = new Map<string, string>();
    let transcript = noTranscript;
    for (const event of events) {
      transcript = extend(transcript, [event]);
      for (const item of transcript.items) {
        const name = `${item.id} ${item.seq} ${item.version}`;
        const content = JSON.stringify(item);
        expect(known.get(name) ?? content, name).toBe(content);
        known.set(name, content);
      }
    }
  });

  it("can be gone on with in two ways from one place", () => {
    for (const seed of seeds(20)) {
      const cut = random(seed).below(events.length);
      const common = whole(events.slice(0, cut));
      const one = extend(common, events.slice(cut));
      // The sibling has the prompts and the notes alone.
      const other = extend(
        common,
        events.slice(cut).filter((event) => event.type !== "tool_call_updated"),
      );
      expect(shownTranscript(one)).toEqual(shownTranscript(whole(events)));
      for (const [place, item] of other.items.entries()) expect(placeOf(other, item.id)).toBe(place);
      for (const [place, item] of one.items.entries()) expect(placeOf(one, item.id)).toBe(place);
    }
  });

  it("has nothing open once its turns are over", () => {
    const { open, items } = whole(events);
    expect(open).toEqual([]);
    expect(items.filter((item) => item.kind === "message" && item.open)).toEqual([]);
  });
});

describe("all types", () => {
  const transcript = whole(goldenOf("all-types").events);

  it("joins the pieces of a message around what came between", () => {
    const [thought, answer, second] = ofKind(transcript, "message");
    expect(thought).toMatchObject({ channel: "thought", text: "I think about it.", open: false });
    expect(answer).toMatchObject({ channel: "answer", text: "It is a picture.", open: false });
    expect(answer?.others).toHaveLength(1);
    expect(second?.text).toBe("Now the second.");
  });

  it("stands a prompt where its turn begins, in the order of the queue", () => {
    const prompts = ofKind(transcript, "prompt").map(({ turn, state }) => [turn?.slice(-1), state]);
    expect(prompts).toEqual([
      ["3", "dropped"],
      ["1", "started"],
      ["2", "started"],
    ]);
  });

  it("makes a call that is asked about before it is told", () => {
    const call = ofKind(transcript, "tool").find((item) => item.call.id === "x0");
    expect(call).toMatchObject({ permission: `prm_${"2".padStart(32, "0")}`, cut_off: true });
    expect(call?.call.title).toBe("Run npm test");
  });

  it("merges what a call tells later, and cuts off what its turn outlived", () => {
    const calls = ofKind(transcript, "tool");
    expect(calls.find((item) => item.call.id === "r2")?.call).toMatchObject({
      title: "Read part 2",
      status: "completed",
      raw_output: { n: 2 },
    });
    expect(calls.find((item) => item.call.id === "x1")).toMatchObject({ cut_off: true });
    expect(calls.find((item) => item.call.id === "e0")).toMatchObject({ cut_off: false });
  });

  it("small thing 39: keeps an event of a newer server", () => {
    const [unknown] = ofKind(transcript, "unknown");
    expect(unknown?.event.type).toBe("compaction_noted");
  });
});

describe("a real run", () => {
  it("has its turns in their order", () => {
    const { turns } = whole(realRun.events);
    const told = [...turns.values()]
      .filter((turn) => turn.number !== null)
      .sort((a, b) => Number(a.number) - Number(b.number));
    expect(told.map((turn) => turn.ended?.stop_reason)).toEqual([
      "end_turn",
      "end_turn",
      "end_turn",
      "cancelled",
      "failed",
      "interrupted",
      "cancelled",
      "end_turn",
    ]);
  });
});

it("leaves out what was taken back, and keeps what came before", () => {
  const body = (turn: string, more: object) => ({
    session: "ses_1",
    pos: 1,
    at: "2027-01-15T09:00:00Z",
    turn,
    ...more,
  });
  const turnOf = (turn: string, number: number) => [
    body(turn, { type: "turn_queued", content: [{ type: "text", text: turn }] }),
    body(turn, { type: "turn_started", number }),
    body(turn, {
      type: "message_appended",
      message: `msg_${turn}`,
      role: "agent",
      channel: "answer",
      content: { type: "text", text: turn },
    }),
    body(turn, { type: "turn_ended", stop_reason: "end_turn" }),
  ];
  const rewound = {
    ...body("", { type: "session_rewound", to_seq: 4, number: 2, kept: 1, by: "ada" }),
    turn: null,
  };
  const all = [...turnOf("trn_a", 1), ...turnOf("trn_b", 2), rewound, ...turnOf("trn_c", 3)];
  const events = all.map((event, place) => ({ ...event, seq: place + 1 })) as unknown as Event[];
  const kept = (upTo: number) => whole(events.slice(0, upTo)).items.map((item) => item.turn ?? item.kind);
  expect(kept(9)).toEqual(["trn_a", "trn_a", "trn_a", "note"]);
  expect(kept(13)).toEqual(["trn_a", "trn_a", "trn_a", "note", "trn_c", "trn_c", "trn_c"]);
});
