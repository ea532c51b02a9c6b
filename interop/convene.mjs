// A Convene of its own for a test: a server with a home that nothing of the machine's user gets
// into, its command line and its HTTP API.

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import readline from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const HERE = path.dirname(fileURLToPath(import.meta.url));

/** The binary that is tried: CONVENE_BIN, or what cargo built last. */
export function binary() {
  if (process.env.CONVENE_BIN) return path.resolve(process.env.CONVENE_BIN);
  const target = process.env.CARGO_TARGET_DIR || path.join(HERE, "..", "target");
  return path.join(path.resolve(target), "debug", "convene");
}

/** A home directory for a server and its agents. */
export class Home {
  constructor() {
    // Short, because a unix socket's path may have 107 bytes.
    this.root = realpathSync(mkdtempSync(path.join(os.tmpdir(), "cv-")));
    this.work = path.join(this.root, "home", "work");
    this.data = path.join(this.root, "data");
    mkdirSync(this.work, { recursive: true });
    mkdirSync(path.join(this.root, "tmp"));
  }

  /** A directory of that name for sessions to work in. */
  directory(name) {
    const directory = path.join(this.work, name);
    mkdirSync(directory, { recursive: true });
    return directory;
  }

  remove() {
    rmSync(this.root, { recursive: true, force: true, maxRetries: 10 });
  }
}

/** A running server and ways to talk to it. */
export class Convene {
  #server;
  #log = "";

  /** `config` is the text of config.toml. */
  constructor(home, config) {
    this.home = home;
    const file = path.join(home.root, "home", ".config", "convene", "config.toml");
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, config);
    this.env = {
      PATH: process.env.PATH,
      HOME: path.join(home.root, "home"),
      TMPDIR: path.join(home.root, "tmp"),
      USER: "tester",
      LANG: "C.UTF-8",
      CONVENE_DATA_DIR: home.data,
    };
  }

  /** Starts the server; `where` is its address, any free port if it is not given. */
  async start({ where = "127.0.0.1:0" } = {}) {
    this.#server = spawn(binary(), ["serve", "--bind", where, "--log-format", "json"], {
      cwd: this.home.work,
      env: this.env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#server.stderr.on("data", (bytes) => (this.#log += bytes));
    const ended = new Promise((resolve) => this.#server.once("close", resolve));
    this.#server.gone = ended;
    const line = await Promise.race([
      new Promise((resolve) => readline.createInterface({ input: this.#server.stdout }).once("line", resolve)),
      ended.then(() => {
        throw new Error(`the server ended: ${this.#log}`);
      }),
    ]);
    this.url = JSON.parse(line).listening;
    this.token = readFileSync(path.join(this.home.data, "auth", "token"), "utf8").trim();
    return this;
  }

  /** The server's death, of the kind that leaves it no time. */
  async kill() {
    this.#server.kill("SIGKILL");
    await this.#server.gone;
  }

  /** Starts it again where it was. */
  again() {
    return this.start({ where: new URL(this.url).host });
  }

  /** Ends the server and every session, and gives what of it is still alive. */
  async end() {
    await this.run(["shutdown", "--stop-sessions", "--yes"]);
    const timer = setTimeout(() => this.#server.kill("SIGKILL"), 20_000);
    await this.#server.gone;
    clearTimeout(timer);
    // What was told to end may need a moment for it.
    for (const end = Date.now() + 10_000; Date.now() < end && this.processes().length > 0; ) await delay(100);
    return this.processes();
  }

  get log() {
    return this.#log;
  }

  /** A call of the API: the answer's body, or its problem with `status` in it. */
  async api(method, route, body) {
    const response = await fetch(`${this.url}${route}`, {
      method,
      headers: { authorization: `Bearer ${this.token}`, "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    const parsed = text ? JSON.parse(text) : {};
    return response.ok ? parsed : { ...parsed, status: response.status };
  }

  /** The same, where anything but success is a failure of the test. */
  async must(method, route, body) {
    const answer = await this.api(method, route, body);
    if (answer.code && answer.status >= 400) throw new Error(`${method} ${route}: ${JSON.stringify(answer)}`);
    return answer;
  }

  async create(body) {
    const { session } = await this.must("POST", "/v1/sessions", body);
    return session.id;
  }

  session(id) {
    return this.must("GET", `/v1/sessions/${id}`);
  }

  prompt(id, text) {
    return this.must("POST", `/v1/sessions/${id}/prompts`, { content: text });
  }

  /** All events of a session. */
  async events(id) {
    const found = [];
    for (let after = 0; ; ) {
      const page = await this.must("GET", `/v1/sessions/${id}/events?limit=1000&after=${after}`);
      if (page.items.length === 0) return found;
      found.push(...page.items);
      after = page.items.at(-1).seq;
    }
  }

  /** Waits until the session is so; `patience` in milliseconds. */
  async until(id, what, predicate, patience = 90_000) {
    const end = Date.now() + patience;
    for (;;) {
      const view = await this.session(id);
      if (predicate(view)) return view;
      if (Date.now() > end) {
        const events = (await this.events(id)).slice(-15).map((e) => JSON.stringify(e).slice(0, 600));
        throw new Error(`${what}: not in ${patience} ms; the session is ${JSON.stringify(view, null, 1)}
last events:\n${events.join("\n")}`);
      }
      await delay(50);
    }
  }

  /** The end of turn `number`, with what was said in it as `text`. */
  async turn(id, number, patience) {
    const over = (view) => (view.last_turn?.number ?? 0) >= number || view.state === "stopped";
    const view = await this.until(id, `turn ${number} ended`, over, patience);
    const events = await this.events(id);
    const start = events.find((e) => e.type === "turn_started" && e.number === number);
    const within = events.filter((e) => e.turn !== undefined && e.turn === start?.turn);
    const answer = within.filter((e) => e.type === "message_appended" && e.role === "agent" && e.channel === "answer");
    const text = answer.map((e) => e.content.text ?? "").join("");
    return { view, events: within, text, end: within.find((e) => e.type === "turn_ended") };
  }

  /** A command of the command line, to its end. */
  async run(args, { cwd = this.home.work, env = {} } = {}) {
    const child = spawn(binary(), args, { cwd, env: { ...this.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (bytes) => (stdout += bytes));
    child.stderr.on("data", (bytes) => (stderr += bytes));
    const code = await new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    return { code, stdout, stderr };
  }

  /** Processes that have this home in their environment or command line, on Linux; the server apart. */
  processes() {
    if (process.platform !== "linux") return [];
    const mark = path.basename(this.home.root);
    const found = [];
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      if (Number(pid) === process.pid) continue;
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
        if (command && (command + readFileSync(`/proc/${pid}/environ`, "utf8")).includes(mark)) {
          found.push({ pid: Number(pid), command });
        }
      } catch {
        // It ended meanwhile, or belongs to somebody else.
      }
    }
    return found.filter(({ pid }) => pid !== this.#server?.pid || this.#server.exitCode === null);
  }

  /** Processes of the agents and runners of one session. */
  ofSession(id) {
    return this.processes().filter(({ pid }) => {
      try {
        const environ = readFileSync(`/proc/${pid}/environ`, "utf8");
        return environ.includes(`CONVENE_SESSION_ID=${id}`);
      } catch {
        return false;
      }
    });
  }
}
