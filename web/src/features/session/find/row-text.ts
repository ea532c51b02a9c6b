/** What can be found in a row: all that it shows, also what is folded. */
import type { ItemOf } from "@/store/items";
import type { Row } from "@/store/rows";
import { noteWords, type NoteContext } from "../transcript/note-words";
import { diffsOf, inputOf, outputOf } from "../transcript/tool-content";
import { objectOf } from "../transcript/tool-words";
import { textOf } from "../transcript/turn-row";

export type About = NoteContext & { readonly cwd: string };

/** One thing that can be found: the text in lower case, and what has to be open for it to be seen. */
export type Findable = {
  readonly text: string;
  /** The first and the last event of it. */
  readonly seq: number;
  readonly until: number;
  /** Folds, by their names, that are opened for it. */
  readonly opens: readonly string[];
};

const held = new WeakMap<Row, readonly Findable[]>();

/** Put together once for each row; a row that changed is another object. */
export function findables(row: Row, about: About): readonly Findable[] {
  let found = held.get(row);
  if (found === undefined) {
    found = made(row, about).filter(({ text }) => text !== "");
    held.set(row, found);
  }
  return found;
}

function made(row: Row, about: About): readonly Findable[] {
  const one = (text: string, until: number, opens: readonly string[] = []): readonly Findable[] => [
    { text: text.toLowerCase(), seq: row.seq, until, opens },
  ];
  switch (row.kind) {
    case "turn":
      if (row.prompt === null) return [];
      return one(textOf(row.prompt.content), row.prompt.version, promptFolds(row.id, row.prompt));
    case "message":
      return one(row.item.text, row.item.version);
    case "thought":
      return one(row.item.text, row.item.version, [`thought:${row.item.id}`]);
    case "tool":
      return one(toolText(row.item, about.cwd), row.item.version, [`tool:${row.item.id}`]);
    case "group":
      return row.members.map((item) => ({
        text: toolText(item, about.cwd).toLowerCase(),
        seq: item.seq,
        until: item.version,
        opens: [row.id, `tool:${item.id}`],
      }));
    case "plan":
      return one(row.changes.map(({ content }) => content).join("\n"), row.item.version);
    case "permission":
      return one(row.item.asked.tool_call.title ?? "", row.item.version);
    case "question":
      return one(row.item.asked.message, row.item.version);
    case "note":
      return one(noteWords(row.item.event, about)?.text ?? "", row.item.version);
    default:
      return [];
  }
}

function promptFolds(id: string, { content }: ItemOf<"prompt">): readonly string[] {
  return content.map((_, at) => `prompt:${id}:${at}`);
}

/** The line, and what stands below it when it is open. */
function toolText({ call }: ItemOf<"tool">, cwd: string): string {
  const diffs = diffsOf(call);
  return [
    objectOf(call, cwd).text,
    diffs.length > 0 ? "" : inputOf(call),
    ...diffs.flatMap(({ path, before, after }) => [path, before ?? "", after]),
    outputOf(call).text,
  ].join("\n");
}
