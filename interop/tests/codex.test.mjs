// The real Codex adapter against `convene mock-llm`, over stdio and without Convene: shows that the
// recipe works, so that a failure with Convene is Convene's.

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import test from "node:test";

import { AcpClient, open, prompt } from "../acp-client.mjs";
import { install } from "../install.mjs";
import { startMockModel } from "../mock-model.mjs";
import { prepare } from "../recipe.mjs";

install();

async function withCodex(options, body) {
  const home = mkdtempSync(path.join(os.tmpdir(), "convene-codex-"));
  const model = await startMockModel(options);
  const asked = [];
  const client = new AcpClient({
    ...prepare("codex", { modelUrl: model.url, home }),
    cwd: home,
    onRequest: (method, params) => asked.push({ method, params }),
  });
  try {
    const { hello, sessionId } = await open(client, home);
    await body({ client, model, home, hello, asked, say: (text) => prompt(client, sessionId, text), sessionId });
    assert.deepEqual(client.junk, [], "only JSON-RPC on stdout");
    assert.deepEqual(await model.refused(), [], "only requests that the real API would take");
  } finally {
    await client.close();
    await model.close();
    rmSync(home, { recursive: true, force: true });
  }
}

test("answers, turn after turn, and calls the model once for each", { timeout: 60_000 }, () =>
  withCodex({}, async ({ client, model, hello, say }) => {
    assert.equal(hello.protocolVersion, 1);
    assert.equal((await say("hello there")).stopReason, "end_turn");
    assert.match(client.text(), /turn 1: you said hello there/);
    const before = client.updates.length;
    assert.equal((await say("and again")).stopReason, "end_turn");
    assert.match(client.text(before), /turn 2: you said and again/);
    // Beside the turns the agent asks for a title of its own.
    const turns = (await model.exchanges()).filter((exchange) => exchange.does !== "schema");
    assert.deepEqual(turns.map((turn) => turn.answer.text), [
      "turn 1: you said hello there",
      "turn 2: you said and again",
    ]);
  }));

test("asks before it leaves its sandbox, and runs what is allowed", { timeout: 60_000 }, () =>
  withCodex({}, async ({ client, asked, home, say }) => {
    assert.equal((await say("ASK echo from-the-shell > out.txt; cat out.txt")).stopReason, "end_turn");
    assert.deepEqual(asked.map((a) => a.method), ["session/request_permission"]);
    assert.equal(readFileSync(path.join(home, "out.txt"), "utf8"), "from-the-shell\n");
    assert.match(client.text(), /the command said: from-the-shell/);
    const call = client.updates.find((u) => u.sessionUpdate === "tool_call");
    assert.equal(call.kind, "execute");
    const end = client.updates.findLast((u) => u.sessionUpdate === "tool_call_update");
    assert.equal(end.toolCallId, call.toolCallId);
    assert.equal(end.status, "completed");
  }));

test("can be canceled in the middle of a trickle and takes the next prompt", { timeout: 60_000 }, () =>
  withCodex({ tick: 50 }, async ({ client, say, sessionId }) => {
    const turn = say("SLOW 10000");
    await client.update((u) => u.sessionUpdate === "agent_message_chunk" && u.content.text?.includes("tick3"));
    client.notify("session/cancel", { sessionId });
    assert.equal((await turn).stopReason, "cancelled");
    assert.equal((await say("still there?")).stopReason, "end_turn");
    assert.match(client.text(), /turn 2: you said still there\?/);
  }));

test("ends when its input ends", { timeout: 60_000 }, async () => {
  let child;
  await withCodex({}, async ({ client }) => (child = client));
  assert.deepEqual(await child.exited, { code: 0, signal: null });
  assert.equal(existsSync(`/proc/${child.child.pid}`), false);
});
