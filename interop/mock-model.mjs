// Starts the product's own model server, `convene mock-llm`, for a test or by hand.

import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import readline from "node:readline";
import { fileURLToPath } from "node:url";

const HERE = path.dirname(fileURLToPath(import.meta.url));

/** The binary that is tried: CONVENE_BIN, or what cargo built last. */
export function binary() {
  if (process.env.CONVENE_BIN) return path.resolve(process.env.CONVENE_BIN);
  const target = process.env.CARGO_TARGET_DIR || path.join(HERE, "..", "target");
  return path.join(path.resolve(target), "debug", "convene");
}

/** Starts a server. It ends with this process, whatever happens to it. */
export async function startMockModel({ tick = 250, script, bind } = {}) {
  const args = ["mock-llm", "--until-eof", "--tick", String(tick)];
  if (script) args.push("--script", script);
  if (bind) args.push("--bind", bind);
  const child = spawn(binary(), args, { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(child, "exit");
  const lines = readline.createInterface({ input: child.stdout });
  const first = await Promise.race([once(lines, "line"), ended]);
  const url = /^listening on (http:\S+)$/.exec(first[0])?.[1];
  if (!url) throw new Error(`mock-llm did not start: ${first}`);

  const get = async (what, method = "GET") => fetch(`${url}/_mock/${what}`, { method });
  return {
    url,
    /** Everything that was seen, by conversation. */
    conversations: async () => (await get("conversations")).json(),
    /** Every request that was understood and its answer, in order. */
    async exchanges() {
      const { conversations } = await (await get("conversations")).json();
      return conversations.flatMap((c) => c.exchanges).sort((a, b) => a.number - b.number);
    },
    /** The requests that were refused, and why; an agent that keeps to the rules has none. */
    async refused() {
      const { refused } = await (await get("conversations")).json();
      return refused.map(({ raw, answer }) => `${raw.path}: ${answer.fault.status} ${answer.fault.message}`);
    },
    reset: () => get("conversations", "DELETE"),
    async close() {
      child.stdin.end();
      const [code] = await ended;
      return code;
    },
  };
}
