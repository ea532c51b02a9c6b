/** Watches each page of a browser: no foreign host, no error on the console, nothing that the policy blocks. */
import type { BrowserContext, ConsoleMessage, Request } from "playwright-core";

export type Guard = {
  readonly faults: string[];
  /** Calls of the API so far, oldest first. */
  readonly calls: Call[];
};

export type Call = { readonly method: string; readonly path: string };

/** What a browser writes by itself about what a test does on purpose: it has the server refuse something, or kills it. */
const ALLOWED = {
  nothing: /^$/,
  refusals: /the server responded with a status of 4/,
  /** What is behind a hole in a log cannot be read. */
  damage: /the server responded with a status of (409|500)/,
  death:
    /WebSocket connection to|ERR_CONNECTION|Failed to load resource: net::|Failed to fetch|status of 50\d|error occurred when fetching the script/,
} as const;

export type Expects = keyof typeof ALLOWED;

export function guard(context: BrowserContext, base: string, expects: Expects): Guard {
  const faults: string[] = [];
  const calls: Call[] = [];
  const home = new URL(base).host;
  context.on("request", (request: Request) => {
    const url = new URL(request.url());
    if (["data:", "blob:"].includes(url.protocol)) return;
    if (url.host !== home) faults.push(`asked a foreign host: ${request.url()}`);
    if (url.pathname.startsWith("/v1/")) calls.push({ method: request.method(), path: url.pathname });
  });
  context.on("console", (message: ConsoleMessage) => {
    if (message.type() !== "error") return;
    if (ALLOWED[expects].test(message.text())) return;
    faults.push(`wrote an error to the console: ${message.text()} (${message.location().url})`);
  });
  context.on("weberror", (error) => faults.push(`threw: ${error.error().stack ?? error.error().message}`));
  return { faults, calls };
}
