// A stranger's client: types generated from `openapi.json` by `openapi-typescript`, requests by `openapi-fetch`. The main
// job written against them must pass the type checker and do its work against a real server.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { install } from "../install.mjs";
import { binary, startServer } from "../server.mjs";

const INTEROP = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const CLIENT = path.join(INTEROP, "client");

function run(directory, ...command) {
  const done = spawnSync(process.execPath, command, { cwd: directory, encoding: "utf8", timeout: 120_000 });
  assert.equal(done.status, 0, `${command.join(" ")}\n${done.stdout}\n${done.stderr}`);
  return done.stdout;
}

let isBuilt = true;
try {
  binary("convene");
  binary("fake-agent");
} catch {
  isBuilt = false;
}

test("a generated client runs the main job", { skip: !isBuilt && "convene is not built" }, async () => {
  const packages = path.join(install(CLIENT), "node_modules");
  const directory = mkdtempSync(path.join(os.tmpdir(), "convene-client-"));
  const server = await startServer();
  try {
    symlinkSync(packages, path.join(directory, "node_modules"));
    for (const name of ["main-job.ts", "tsconfig.json"]) copyFileSync(path.join(CLIENT, name), path.join(directory, name));
    writeFileSync(path.join(directory, "package.json"), '{"type": "module"}');
    // From the running server, as a stranger would.
    const description = await (await fetch(`${server.url}/openapi.json`, { headers: { authorization: `Bearer ${server.token}` } })).text();
    writeFileSync(path.join(directory, "openapi.json"), description);
    run(directory, "node_modules/openapi-typescript/bin/cli.js", "openapi.json", "--output", "schema.d.ts");
    writeFileSync(path.join(directory, "node.d.ts"), "declare const process: { argv: string[]; exit(code: number): never };\n");
    run(directory, "node_modules/typescript/bin/tsc", "--project", ".");
    const said = JSON.parse(run(directory, "built/main-job.js", server.url, server.token, server.work));
    assert.deepEqual(said, {
      same: true,
      option: "allow_once",
      text: said.text,
      reason: "end_turn",
      result: said.result,
      listed: [true],
      cause: "user_requested",
      gone: "session_not_found",
      wrong: "agent_unknown",
    });
    assert.match(said.text, /chose .*echo: hello/s);
    assert.match(said.result, /echo: hello/);
  } finally {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
});
