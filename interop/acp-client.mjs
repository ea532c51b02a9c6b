// A small ACP client on stdio, to try an agent by hand and in the tests here.
//
//   node interop/acp-client.mjs codex "PROMPT" ["SECOND PROMPT" ...]
//
// starts the fake model, prepares the agent, sends the prompts one after another and prints every
// update as it comes.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import readline from "node:readline";
import { fileURLToPath } from "node:url";

import { startMockModel } from "./mock-model.mjs";
import { prepare } from "./recipe.mjs";

/** One agent process and the JSON-RPC conversation with it. */
export class AcpClient {
  #waiting = new Map();
  #watchers = new Set();
  #next = 1;

  constructor({ command: [program, ...rest], env, cwd, onUpdate = () => {}, onRequest = () => {} }) {
    this.updates = [];
    this.junk = [];
    this.stderr = "";
    this.onUpdate = onUpdate;
    this.onRequest = onRequest;
    this.child = spawn(program, rest, {
      cwd,
      env: { PATH: process.env.PATH, HOME: env.CODEX_HOME, ...env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.child.stderr.on("data", (bytes) => (this.stderr += bytes));
    this.child.stdin.on("error", () => {});
    this.exited = new Promise((resolve) => {
      this.child.once("error", (error) => resolve({ error }));
      this.child.once("exit", (code, signal) => resolve({ code, signal }));
    });
    this.exited.then((how) => this.#failAll(new Error(`the agent ended: ${JSON.stringify(how)} ${this.stderr}`)));
    readline.createInterface({ input: this.child.stdout }).on("line", (line) => this.#receive(line));
  }

  request(method, params) {
    const id = this.#next++;
    const answer = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#send({ id, method, params });
    return answer;
  }

  notify(method, params) {
    this.#send({ method, params });
  }

  /** Resolves with the first update, seen or to come, for which the predicate holds. */
  update(predicate) {
    const seen = this.updates.find(predicate);
    if (seen) return Promise.resolve(seen);
    return new Promise((resolve, reject) => this.#watchers.add({ predicate, resolve, reject }));
  }

  /** The agent's answer text since an index into the updates. */
  text(from = 0) {
    const chunks = this.updates.slice(from).filter((u) => u.sessionUpdate === "agent_message_chunk");
    return chunks.map((u) => u.content.text ?? "").join("");
  }

  /** Closes the agent's input and waits for its end; kills it when it does not listen. */
  async close(patience = 6000) {
    this.child.stdin.end();
    const timer = setTimeout(() => this.child.kill("SIGKILL"), patience);
    const how = await this.exited;
    clearTimeout(timer);
    return how;
  }

  #send(message) {
    this.child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  }

  #receive(line) {
    let message;
    try {
      message = JSON.parse(line);
    } catch {
      this.junk.push(line);
      return;
    }
    if (message.method === "session/update") this.#take(message.params.update);
    else if (message.method && message.id !== undefined) this.#serve(message);
    else if (this.#waiting.has(message.id)) {
      const { resolve, reject } = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (message.error) reject(new Error(JSON.stringify(message.error)));
      else resolve(message.result);
    }
  }

  #take(update) {
    this.updates.push(update);
    this.onUpdate(update);
    for (const watcher of this.#watchers) {
      if (!watcher.predicate(update)) continue;
      this.#watchers.delete(watcher);
      watcher.resolve(update);
    }
  }

  /** Allows once whatever the agent asks for; knows nothing else. */
  #serve({ id, method, params }) {
    this.onRequest(method, params);
    if (method === "session/request_permission") {
      const option = params.options.find((o) => o.kind === "allow_once") ?? params.options[0];
      this.#send({ id, result: { outcome: { outcome: "selected", optionId: option.optionId } } });
    } else {
      this.#send({ id, error: { code: -32601, message: `not offered: ${method}` } });
    }
  }

  #failAll(error) {
    for (const { reject } of [...this.#waiting.values(), ...this.#watchers]) reject(error);
    this.#waiting.clear();
    this.#watchers.clear();
  }
}

/** Says hello, opens a session in `cwd` and gives its id. */
export async function open(client, cwd) {
  const hello = await client.request("initialize", {
    protocolVersion: 1,
    clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false },
    clientInfo: { name: "convene-interop", version: "0.1.0" },
  });
  const { sessionId } = await client.request("session/new", { cwd, mcpServers: [] });
  return { hello, sessionId };
}

export function prompt(client, sessionId, text) {
  return client.request("session/prompt", { sessionId, prompt: [{ type: "text", text }] });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [agent, ...prompts] = process.argv.slice(2);
  if (!agent || prompts.length === 0) {
    console.error("usage: acp-client.mjs AGENT PROMPT...");
    process.exit(2);
  }
  const home = mkdtempSync(path.join(os.tmpdir(), "convene-interop-"));
  const model = await startMockModel();
  const client = new AcpClient({
    ...prepare(agent, { modelUrl: model.url, home }),
    cwd: home,
    onUpdate: (update) => console.log(JSON.stringify(update)),
    onRequest: (method, params) => console.log(JSON.stringify({ method, params })),
  });
  try {
    const { hello, sessionId } = await open(client, home);
    console.error(JSON.stringify(hello));
    for (const text of prompts) console.log(JSON.stringify(await prompt(client, sessionId, text)));
  } finally {
    await client.close();
    await model.close();
    rmSync(home, { recursive: true, force: true });
  }
}
