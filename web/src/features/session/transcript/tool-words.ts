/** A tool call in one line: what it does, to what, and how far it is. The object is taken from the call's own fields. */
import { t } from "@/i18n";
import type { ItemOf, ToolCall } from "@/store/items";
import type { EventOf } from "@/store/types";
import type { IconName } from "@/ui/icon";

export const TOOL_KINDS = [
  "read",
  "edit",
  "delete",
  "move",
  "search",
  "execute",
  "fetch",
  "think",
  "switch_mode",
  "other",
] as const;
export type ToolKind = (typeof TOOL_KINDS)[number];
export type ToolState = "pending" | "running" | "done" | "failed" | "rejected" | "cancelled";

const icons: Record<ToolKind, IconName> = {
  read: "file",
  edit: "pencil",
  delete: "trash",
  move: "folder",
  search: "search",
  execute: "terminal",
  fetch: "globe",
  think: "thought",
  switch_mode: "gear",
  other: "tool",
};

/** The kind that is shown; one that is not known is none. */
export function kindOf({ kind }: ToolCall): ToolKind {
  return TOOL_KINDS.find((one) => one === kind) ?? "other";
}

export function iconOf(call: ToolCall): IconName {
  return icons[kindOf(call)];
}

export function stateOf(
  item: ItemOf<"tool">,
  decided: EventOf<"permission_decided">["decision"] | null,
): ToolState {
  const { status } = item.call;
  const rejected = decided === "reject_once" || decided === "reject_always";
  if (status === "completed") return "done";
  if (rejected) return "rejected";
  if (status === "failed") return decided === "cancelled" ? "cancelled" : "failed";
  if (item.cut_off) return "cancelled";
  return status === "in_progress" ? "running" : "pending";
}

/** The line, with the object filled in. */
export function sentenceOf(kind: ToolKind, state: ToolState, object: string): string {
  return t(`transcript.tool.${kind}.${state}`, { object });
}

/** What it acts on, as short as it can be said, and how to show it. */
export type ToolObject = { readonly text: string; readonly is: "path" | "command" | "text" };

export function objectOf(call: ToolCall, cwd: string): ToolObject {
  const kind = kindOf(call);
  const title = call.title ?? call.name ?? call.id;
  switch (kind) {
    case "execute":
      return { text: commandOf(call) ?? bare(title), is: "command" };
    case "read":
    case "edit":
    case "delete":
    case "move": {
      const path = pathOf(call);
      return path === null
        ? { text: withoutVerb(title), is: "text" }
        : { text: relative(path, cwd), is: "path" };
    }
    case "search":
      return { text: field(call.raw_input, "pattern", "query", "regex") ?? withoutVerb(title), is: "text" };
    case "fetch":
      return { text: field(call.raw_input, "url", "uri") ?? withoutVerb(title), is: "text" };
    case "think":
    case "switch_mode":
    case "other":
      return { text: title, is: "text" };
  }
}

/** The command that runs, whole, if it is told beside the title. */
export function commandOf(call: ToolCall): string | null {
  const told = fieldOf(call.raw_input, "command") ?? fieldOf(call.raw_input, "cmd");
  if (typeof told === "string" && told.trim() !== "") return told;
  if (Array.isArray(told) && told.every((part) => typeof part === "string")) return told.join(" ");
  return null;
}

export function pathOf(call: ToolCall): string | null {
  const place = call.locations?.[0]?.path;
  if (place !== undefined) return place;
  for (const content of call.content ?? []) if (content.type === "diff") return content.path;
  return field(call.raw_input, "file_path", "path", "abs_path");
}

/** A path as seen from the session's directory. */
export function relative(path: string, cwd: string): string {
  const base = cwd.endsWith("/") ? cwd : `${cwd}/`;
  return path.startsWith(base) ? path.slice(base.length) : path;
}

/** Agents begin titles with the verb that is already in the line, in the tense of a wish. */
const verb =
  /^(?:read|reading|edit|editing|write|writing|delete|move|rename|search(?:ing)?(?: for)?|grep|find|list|fetch(?:ing)?|open)\s+/i;

function withoutVerb(title: string): string {
  const rest = bare(title.replace(verb, ""));
  return rest === "" ? title : rest;
}

function bare(text: string): string {
  const inner = /^`([^`]+)`$/.exec(text.trim());
  return inner?.[1] ?? text.trim();
}

function field(input: unknown, ...names: readonly string[]): string | null {
  for (const name of names) {
    const value = fieldOf(input, name);
    if (typeof value === "string" && value.trim() !== "") return value;
  }
  return null;
}

function fieldOf(input: unknown, name: string): unknown {
  if (typeof input !== "object" || input === null || Array.isArray(input)) return undefined;
  return Object.entries(input).find(([key]) => key === name)?.[1];
}
