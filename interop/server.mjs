// Starts `convene serve` in a home of its own with the fake agent, for what tests the server from outside.

import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { cacheDirectory } from "./install.mjs";

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** A binary of this workspace: the one that is named, or the debug build. */
export function binary(name, named) {
  const targets = [process.env.CARGO_TARGET_DIR, path.join(ROOT, "target"), path.join(cacheDirectory(), "target")];
  const places = targets.filter(Boolean).map((target) => path.join(target, "debug", name));
  const found = (named ? [named] : places).find((place) => existsSync(place));
  if (!found) throw new Error(`no ${name}: run \`cargo build --bins\``);
  return path.resolve(found);
}

/**
 * A server: `url`, `token`, `home`, `work` (a directory for sessions), and `stop`, which ends it, its sessions, and
 * removes the home.
 */
export async function startServer({ convene, agent } = {}) {
  const root = mkdtempSync(path.join(os.tmpdir(), "cvn-"));
  const home = path.join(root, "home");
  const work = path.join(home, "work");
  const config = path.join(home, ".config", "convene");
  for (const directory of [work, config, path.join(root, "tmp")]) mkdirSync(directory, { recursive: true });
  const command = JSON.stringify([binary("fake-agent", agent)]);
  writeFileSync(path.join(config, "config.toml"), `[run]\nagent = "fake"\n\n[agents.fake]\ncommand = ${command}\n`);
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    USER: "tester",
    LANG: "C.UTF-8",
    TMPDIR: path.join(root, "tmp"),
    XDG_CONFIG_HOME: path.join(home, ".config"),
    XDG_DATA_HOME: path.join(home, ".local", "share"),
    CONVENE_DATA_DIR: path.join(root, "data"),
  };
  const server = spawn(binary("convene", convene), ["serve", "--bind", "127.0.0.1:0"], {
    env,
    cwd: work,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  server.stderr.on("data", (bytes) => (log = (log + bytes).slice(-20_000)));
  const ended = new Promise((resolve) => server.on("close", resolve));
  const url = await new Promise((resolve, reject) => {
    let said = "";
    server.stdout.on("data", (bytes) => {
      said += bytes;
      const found = /listening on (http:\/\/\S+)/.exec(said);
      if (found) resolve(found[1]);
    });
    ended.then(() => reject(new Error(`the server ended: ${log}`)));
  });
  const token = readFileSync(path.join(root, "data", "auth", "token"), "utf8").trim();
  const call = async (method, at, body) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const answer = await fetch(url + at, { method, headers, body: body && JSON.stringify(body) });
    return answer.json();
  };
  const stop = async () => {
    if (server.exitCode === null && server.signalCode === null) {
      const { epoch } = await call("GET", "/v1/status");
      await call("POST", "/v1/shutdown", { confirm: `epoch-${epoch}`, stop_sessions: true });
    }
    await ended;
    rmSync(root, { recursive: true, force: true });
  };
  return { url, token, home, work, stop, log: () => log };
}
