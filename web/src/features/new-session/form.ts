/** What the form holds, what of it is sent, and to which of its fields a refusal belongs. */
import type { ConfigOption, CreateSession, McpServer, PermissionMode } from "@/api/gen";
import { fact, type Problem } from "@/api/problem";

export type Form = {
  readonly prompt: string;
  readonly agent: string;
  readonly cwd: string;
  /** Empty: whoever has a seat. */
  readonly worker: string;
  readonly worktree: boolean;
  readonly permissions: PermissionMode;
  readonly title: string;
  /** Values of the agent's own options, by their id; what is not in here is the agent's choice. */
  readonly config: Readonly<Record<string, string>>;
  readonly system_prompt: string;
  /** One a line: a command with its arguments, or a URL; `name = ` may go before it. */
  readonly mcp: string;
  /** Seconds of a turn, as typed. */
  readonly timeout: string;
  /** One a line: `name=value`. */
  readonly labels: string;
  /** One a line. */
  readonly add_dirs: string;
};

export type FieldName = keyof Form;

export const emptyForm: Form = {
  prompt: "",
  agent: "",
  cwd: "",
  worker: "",
  worktree: false,
  permissions: "ask",
  title: "",
  config: {},
  system_prompt: "",
  mcp: "",
  timeout: "",
  labels: "",
  add_dirs: "",
};

const lines = (text: string) =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);

/** The body of the request. `options` are what the agent announced, which tell model and mode from the rest. */
export function bodyOf(form: Form, options: readonly ConfigOption[], idle: boolean): CreateSession {
  const body: CreateSession = { agent: form.agent, cwd: form.cwd.trim(), permissions: form.permissions };
  if (!idle && form.prompt.trim() !== "") body.prompt = form.prompt;
  if (form.worker !== "") body.worker = form.worker;
  if (form.worktree) body.worktree = true;
  if (form.title.trim() !== "") body.title = form.title.trim();
  if (form.system_prompt.trim() !== "") body.system_prompt = form.system_prompt;
  // What is no number is sent as it is: the server says what is wrong with it.
  if (form.timeout.trim() !== "") body.timeout = Number(form.timeout);
  const servers = lines(form.mcp).map(mcpServer);
  if (servers.length > 0) body.mcp_servers = servers;
  const dirs = lines(form.add_dirs);
  if (dirs.length > 0) body.add_dirs = dirs;
  const labels = lines(form.labels).map((line) => pair(line, "="));
  if (labels.length > 0) body.labels = Object.fromEntries(labels);
  const others: Record<string, unknown> = {};
  for (const [id, value] of Object.entries(form.config)) {
    const option = options.find((one) => one.id === id);
    if (option === undefined || value === "") continue;
    if (option.category === "model") body.model = value;
    else if (option.category === "mode") body.mode = value;
    else others[id] = typeof option.value === "boolean" ? value === "true" : value;
  }
  if (Object.keys(others).length > 0) body.config = others;
  return body;
}

/** `docs = npx -y docs-server /srv`, or `https://…`, as the API wants it. */
export function mcpServer(line: string): McpServer {
  const named = /^([\w.-]+)\s*=\s*(.+)$/.exec(line);
  const rest = named?.[2] ?? line;
  if (/^https?:\/\//.test(rest)) return { type: "http", name: named?.[1] ?? hostOf(rest), url: rest };
  const [command = "", ...args] = words(rest);
  return { name: named?.[1] ?? command.split("/").at(-1) ?? command, command, args };
}

/** Splits like a shell would: quotes hold words together. */
export function words(text: string): string[] {
  const found = text.matchAll(/"((?:[^"\\]|\\.)*)"|'([^']*)'|(\S+)/g);
  return [...found].map((match) => match[1]?.replace(/\\(.)/g, "$1") ?? match[2] ?? match[3] ?? "");
}

/** The field that a refusal is about, so that it can be said there; `null` for the whole form. */
export function fieldOf(problem: Problem): FieldName | null {
  const field = fact(problem, "field")?.split(/[.[]/, 1)[0];
  if (field === "mcp_servers") return "mcp";
  if (field === "model" || field === "mode") return "config";
  if (field !== undefined && field in emptyForm) return field as FieldName;
  if (problem.code.startsWith("cwd_")) return "cwd";
  if (problem.code.startsWith("agent_")) return "agent";
  if (problem.code.startsWith("worktree_")) return "worktree";
  if (problem.code.startsWith("worker_") || problem.code === "no_worker") return "worker";
  return null;
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : url;
}

function pair(line: string, by: string): [string, string] {
  const at = line.indexOf(by);
  return at < 0 ? [line, ""] : [line.slice(0, at).trim(), line.slice(at + by.length).trim()];
}
