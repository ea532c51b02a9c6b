/** A real run with its commands, in every order in which events, frames and replies can come: one end, and no row twice. */
import { expect, it } from "vitest";
import { realFrames, realReplies, realRun, type GoldenReply } from "../../test/golden";
import { chunks, random, seeds, type Random } from "../../test/random";
import { shownState } from "../../test/shown";
import { fold, foldAll, type Input } from "./fold";
import { intentOf, type Wanted } from "./overlay";
import { rowsOf, type Rows } from "./rows";
import { queueOf } from "./select";
import { nothing, type State } from "./state";
import type { ContentBlock, Event } from "./types";

const S = realRun.session?.id ?? "";

/** What somebody did, by the route it went to. */
function wantedBy({ key, path }: GoldenReply): Wanted {
  const told = realRun.events.find((event) => event.command === key);
  const about = told as Event & {
    content?: ContentBlock[];
    position?: number;
    request?: string;
    option_id?: string;
  };
  const [, , , , what = "", id = ""] = path.split("/");
  switch (what) {
    case "":
      return path === "/v1/sessions"
        ? { kind: "create", title: "New", agent: "player", cwd: "/repo" }
        : { kind: "rename", title: "The sum is mended" };
    case "prompts":
      return { kind: "prompt", content: about.content ?? [] };
    case "queue":
      if (about.type === "queue_entry_dropped") return { kind: "drop_queued", turn: id };
      if (about.type === "queue_entry_moved")
        return { kind: "move_queued", turn: id, position: about.position ?? 1 };
      return { kind: "edit_queued", turn: id, content: about.content ?? [] };
    case "permissions":
      return { kind: "decide", request: id, option: about.option_id ?? "" };
    case "elicitations":
      return { kind: "answer", request: id };
    case "archive":
    case "unarchive":
      return { kind: "archive", archived: what === "archive" };
    case "stop":
      return { kind: "stop", mode: "graceful" };
    case "cancel":
      return { kind: "cancel" };
    default:
      throw new Error(`what is ${path}?`);
  }
}

function nameless(event: Event): Event {
  return { ...event, command: null } as Event;
}

/** One order of many: streams keep their own, a reply comes at any time after its command. */
function order(by: Random, withReplies: boolean, withKeys: boolean): readonly Input[] {
  const told = withKeys ? realRun.events : realRun.events.map(nameless);
  const events = chunks(told, by, 5).map((batch): Input => ({ is: "events", session: S, events: batch }));
  const frames = chunks(realFrames, by, 3).map((batch): Input => ({ is: "frames", frames: batch }));
  const replies = withReplies
    ? [...realReplies]
        .map(({ key, session }): Input => ({ is: "reply", key, session }))
        .sort(() => by.next() - 0.5)
    : [];
  const streams: Input[][] = [[...events], [...frames], replies];
  const merged: Input[] = [];
  while (streams.some((stream) => stream.length > 0)) {
    const next = by.pick(streams.filter((stream) => stream.length > 0)).shift();
    if (next) merged.push(next);
  }
  return withCommands(merged);
}

/** Puts each command before the first that tells of it. */
function withCommands(inputs: readonly Input[]): readonly Input[] {
  const open = new Map(realReplies.map((reply) => [reply.key, reply]));
  return inputs.flatMap((input) => {
    const keys =
      input.is === "reply"
        ? [input.key]
        : input.is === "events"
          ? input.events.map((event) => event.command)
          : input.is === "frames"
            ? input.frames.map((frame) => frame.command)
            : [];
    const commands = keys.flatMap((key): Input[] => {
      const reply = key ? open.get(key) : undefined;
      if (!reply) return [];
      open.delete(reply.key);
      const session = reply.path === "/v1/sessions" ? `new:${reply.key}` : S;
      return [{ is: "command", command: { key: reply.key, at: 0, session, ...wantedBy(reply) } }];
    });
    return [...commands, input];
  });
}

function textOf(content: readonly ContentBlock[] | undefined): string {
  return (content ?? []).map((block) => (block.type === "text" ? block.text : "")).join("");
}

/** The texts of all prompts that can be seen, in rows and in the queue. */
function seenPrompts(state: State, rows: Rows): readonly string[] {
  const inRows = rows.rows.flatMap((row) => {
    if (row.kind === "turn") return row.prompt ? [textOf(row.prompt.content)] : [];
    return row.kind === "pending" ? [textOf(row.command.content)] : [];
  });
  return [...inRows, ...queueOf(state, S).map((item) => textOf(item.content))];
}

function play(inputs: readonly Input[], name: string, once: boolean): State {
  const begin: Input[] = [
    { is: "hello", epoch: 1, version: "1" },
    { is: "opened", session: S },
  ];
  // The log is short: it is read from its start over the stream.
  const first: Input = { is: "page", session: S, events: [] };
  let { state } = foldAll(nothing, [...begin, first]);
  let rows: Rows | null = null;
  for (const input of inputs) {
    ({ state } = fold(state, input));
    const log = state.logs.get(S);
    if (!log) throw new Error("not open");
    const { pending, refusals } = state;
    rows = rowsOf({ log, seen: null, pending, refusals }, rows);
    const prompts = seenPrompts(state, rows);
    if (once) expect(new Set(prompts).size, `${name}: ${prompts.join(", ")}`).toBe(prompts.length);
  }
  return state;
}

it.each([
  ["with replies", true, true],
  ["without any reply", false, true],
  ["with events that do not name their commands", true, false],
])("ends the same: %s", (_, withReplies, withKeys) => {
  let expected: unknown = null;
  for (const seed of seeds(60)) {
    // An event that does not say whose it is cannot be told from another's before the reply is here.
    const state = play(order(random(seed), withReplies, withKeys), `seed ${seed}`, withKeys);
    const swept = fold(state, { is: "caught_up", topic: S, after: 0 }).state;
    expect(swept.pending, `seed ${seed}`).toEqual([]);
    expect(intentOf(swept.pending, S)).toBeNull();
    const shown = shownState(swept);
    const withoutKeys = JSON.parse(
      JSON.stringify(shown, (key, value: unknown) => (key === "command" ? undefined : value)),
    );
    expected ??= withoutKeys;
    expect(withoutKeys, `seed ${seed}`).toEqual(expected);
  }
});
