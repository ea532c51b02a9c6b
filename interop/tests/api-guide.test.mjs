// The commands in `docs/api.md` do what the page says.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { binary, startServer } from "../server.mjs";

const GUIDE = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "..", "docs", "api.md");

function reason() {
  if (spawnSync("curl", ["--version"]).status !== 0) return "no curl";
  try {
    binary("convene");
    binary("fake-agent");
  } catch {
    return "convene is not built";
  }
  return false;
}

test("the walk through the main job works as it stands", { skip: reason() }, async () => {
  const script = /```sh\n(.*?)```/s.exec(readFileSync(GUIDE, "utf8"))[1];
  const server = await startServer();
  try {
    const env = { PATH: process.env.PATH, CONVENE_URL: server.url, CONVENE_TOKEN: server.token, DIR: server.work };
    const shell = spawn("bash", ["-euc", script], { env, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    for (const pipe of [shell.stdout, shell.stderr]) pipe.on("data", (bytes) => (said += bytes));
    const status = await new Promise((resolve) => shell.on("close", resolve));
    assert.equal(status, 0, said);
    const lines = said.trim().split("\n");
    const id = /^session (ses_[0-9a-f]{32})$/.exec(lines[0])?.[1];
    assert.ok(id, said);
    const events = lines.filter((line) => line.startsWith('{"session":')).map((line) => JSON.parse(line));
    assert.deepEqual(
      events.slice(0, -1).map((event) => event.seq),
      events.slice(0, -1).map((_, at) => at + 1),
      "without a gap",
    );
    assert.equal(events.at(-2).type, "turn_ended");
    assert.equal(events.at(-1).type, "session_stopped");
    assert.match(said, /"result":"echo: say hello"/);
    assert.match(said, /^\{"items":\[\],"next_cursor":null,"pos":\d+,"epoch":\d+\}$/m);
    assert.match(lines.at(-1), new RegExp(`"id":"${id}"`));
  } finally {
    await server.stop();
  }
});
