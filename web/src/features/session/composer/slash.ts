/** Suggestions for a slash command: only while the message begins with one that is not finished. */
import type { Session } from "@/store/types";

export type Command = Session["commands"][number];

const MOST = 8;

/** What was typed of a command's name, or `null` if none is being typed. */
export function typedCommand(text: string, caret: number): string | null {
  const before = text.slice(0, caret);
  const found = /^\/([^\s/]*)$/.exec(before);
  return found === null || !/^\S*$/.test(text.slice(0, text.search(/\s|$/))) ? null : (found[1] ?? "");
}

export function matching(commands: readonly Command[], typed: string): readonly Command[] {
  const wanted = typed.toLowerCase();
  const begins = commands.filter(({ name }) => name.toLowerCase().startsWith(wanted));
  const holds = commands.filter(
    ({ name }) => !name.toLowerCase().startsWith(wanted) && name.toLowerCase().includes(wanted),
  );
  return [...begins, ...holds].slice(0, MOST);
}

/** The message with the command filled in, and where the caret goes. */
export function withCommand(text: string, name: string): { readonly text: string; readonly caret: number } {
  const rest = text.replace(/^\/\S*/, "").trimStart();
  const head = `/${name} `;
  return { text: head + rest, caret: head.length };
}
