import { describe, expect, it } from "vitest";
import { aText, teller } from "../../../../test/build";
import { noTranscript, extend } from "@/store/transcript";
import { bodyOf, noBody } from "@/store/row-body";
import { firstFrom, hitsIn, hitsOf, newMemory, placeIn, stepped } from "./hits";

const about = { agent: "codex", worker: null, cwd: "/shop", now: 0 };
const turn = "trn_1";

function rows() {
  const tell = teller("ses_1");
  const read = (id: string) =>
    tell({
      type: "tool_call_updated",
      turn,
      tool_call: {
        id,
        kind: "read",
        title: `Read ${id}.ts`,
        status: "completed",
        content: [{ type: "content", content: { type: "text", text: `the needle of ${id}` } }],
      },
    });
  const say = (channel: "answer" | "thought", text: string) =>
    tell({
      type: "message_appended",
      turn,
      message: `msg_${channel}`,
      role: "agent",
      channel,
      content: { type: "text", text },
    });
  const events = [
    tell({ type: "turn_queued", turn, content: aText("Find the needle"), front: false }),
    tell({ type: "turn_started", turn, number: 1 }),
    say("thought", "Where is the nee"),
    say("thought", "dle?"),
    read("a"),
    read("b"),
    read("c"),
    say("answer", "A needle, and another NEEDLE."),
  ];
  const { items, turns } = extend(noTranscript, events);
  return { rows: bodyOf(items, turns, noBody).rows, last: events.length };
}

describe("what is found", () => {
  const { rows: all, last } = rows();
  const hits = hitsIn(all, "Needle", about);

  it("is each place in the order of the rows, also across pieces and in what is folded", () => {
    expect(hits.map(({ id, nth }) => [id.split(":")[0], nth])).toEqual([
      ["turn", 0],
      ["message", 0],
      ["group", 0],
      ["group", 1],
      ["group", 2],
      ["message", 0],
      ["message", 1],
    ]);
    expect(hits[1]?.opens).toEqual([`thought:${hits[1]?.id}`]);
    expect(hits[3]?.opens).toEqual([hits[3]?.id, `tool:tool:${turn}:b`]);
    expect(hitsIn(all, "", about)).toEqual([]);
    expect(hitsIn(all, "haystack", about)).toEqual([]);
  });

  it("is walked around, and begins where somebody looks", () => {
    expect(firstFrom(hits, 1)).toBe(hits[0]);
    expect(firstFrom(hits, 8)).toBe(hits[5]);
    expect(firstFrom(hits, 99)).toBe(hits.at(-1));
    expect(stepped(hits, 6, 1)).toBe(hits[0]);
    expect(stepped(hits, 0, -1)).toBe(hits[6]);
    expect(stepped([], -1, 1)).toBeNull();
  });

  it("by the server is one place for each thing, and becomes the row's when that is loaded", () => {
    const tell = teller("ses_1", 3);
    const far = hitsOf([
      tell({
        type: "message_appended",
        turn,
        message: "msg_thought",
        role: "agent",
        channel: "thought",
        content: { type: "text", text: "needle" },
      }),
      tell({
        type: "message_appended",
        turn,
        message: "msg_thought",
        role: "agent",
        channel: "thought",
        content: { type: "text", text: "needle" },
      }),
    ]);
    expect(far).toHaveLength(1);
    const memory = newMemory();
    expect(memory("needle", far, [], { first: 100, last: 200 })).toEqual(far);
    const loaded = memory("needle", far, hits, { first: 1, last });
    expect(loaded).toEqual(hits);
    expect(placeIn(loaded, far[0] ?? null)).toBe(1);
    // The window goes elsewhere: what was found stays found, until something else is looked for.
    expect(memory("needle", far, [], { first: 100, last: 200 })).toHaveLength(hits.length);
    expect(memory("nee", [], [], { first: 100, last: 200 })).toEqual([]);
  });
});
