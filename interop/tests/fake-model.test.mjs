// The fake model's own behaviour, over HTTP as an agent calls it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import test from "node:test";
import { fileURLToPath } from "node:url";

import { startFakeModel } from "../fake-model.mjs";

const SHELL = {
  type: "function",
  name: "shell",
  parameters: { properties: { command: { type: "array" }, timeout: { type: "number" } }, required: ["command", "timeout"] },
};

async function withModel(options, body) {
  const model = await startFakeModel(options);
  try {
    await body(model);
  } finally {
    await model.close();
  }
}

function post(model, body, signal) {
  return fetch(`${model.url}/v1/responses`, { method: "POST", body: JSON.stringify(body), signal });
}

function user(text) {
  return { type: "message", role: "user", content: [{ type: "input_text", text }] };
}

async function events(response) {
  const blocks = (await response.text()).trim().split("\n\n");
  return blocks.map((block) => {
    const [name, data] = block.split("\n");
    const event = JSON.parse(data.slice("data: ".length));
    assert.equal(name, `event: ${event.type}`);
    return event;
  });
}

function said(list) {
  return list.filter((e) => e.type === "response.output_text.delta").map((e) => e.delta).join("");
}

test("streams an answer that counts the user's turns and not the agent's context", () =>
  withModel({}, async (model) => {
    const input = [user("<environment_context>here</environment_context>"), user("one"), user("two words")];
    const list = await events(await post(model, { stream: true, input }));
    assert.equal(said(list), "turn 2: you said two words");
    assert.deepEqual(list.map((e) => e.sequence_number), list.map((_, i) => i));
    assert.equal(list[0].type, "response.created");
    const last = list.at(-1);
    assert.equal(last.type, "response.completed");
    assert.equal(last.response.output[0].content[0].text, "turn 2: you said two words");
    assert.equal(last.response.usage.total_tokens, 15);
    assert.equal(model.requests.length, 1);
    assert.equal(model.requests[0].turns, 2);
  }));

test("answers whole when no stream is asked for", () =>
  withModel({}, async (model) => {
    const body = await (await post(model, { input: "hello" })).json();
    assert.equal(body.status, "completed");
    assert.equal(body.output[0].content[0].text, "turn 1: you said hello");
  }));

test("never gives an id twice", () =>
  withModel({}, async (model) => {
    const bodies = await Promise.all(Array.from({ length: 20 }, async () => (await post(model, { input: "x" })).json()));
    assert.equal(new Set(bodies.flatMap((b) => [b.id, b.output[0].id])).size, 40);
  }));

test("calls the shell once, in the shape of its schema, then tells what came back", () =>
  withModel({}, async (model) => {
    const input = [user("please RUN ls -l")];
    const [call] = (await (await post(model, { input, tools: [SHELL] })).json()).output;
    assert.equal(call.type, "function_call");
    assert.deepEqual(JSON.parse(call.arguments), { command: ["bash", "-lc", "ls -l"], timeout: 1000 });
    input.push(call, { type: "function_call_output", call_id: call.call_id, output: "Exit: 0\nOutput:\na.txt\n" });
    const reply = await (await post(model, { input, tools: [SHELL] })).json();
    assert.equal(reply.output[0].content[0].text, "the command said: a.txt");
  }));

test("fills a JSON schema, whatever was said", () =>
  withModel({}, async (model) => {
    const schema = { type: "object", properties: { title: { type: "string" }, good: { type: "boolean" } } };
    const body = { input: "SLOW 1000000", text: { format: { type: "json_schema", schema } } };
    const reply = await (await post(model, body)).json();
    assert.deepEqual(JSON.parse(reply.output[0].content[0].text), { title: "because the script says so", good: false });
    assert.equal(model.requests[0].does, "schema");
  }));

test("trickles, and stops when the reader goes away", () =>
  withModel({ tick: 1 }, async (model) => {
    const list = await events(await post(model, { stream: true, input: "SLOW 30" }));
    assert.equal(said(list), Array.from({ length: 30 }, (_, i) => `tick${i} `).join(""));

    const hangUp = new AbortController();
    const response = await post(model, { stream: true, input: "SLOW 1000000" }, hangUp.signal);
    await response.body.getReader().read();
    hangUp.abort();
    // Closing waits for open replies; it would not come back if the trickle went on.
  }));

test("refuses what it does not serve", () =>
  withModel({}, async (model) => {
    assert.equal((await fetch(`${model.url}/v1/chat/completions`, { method: "POST" })).status, 404);
    assert.equal((await fetch(`${model.url}/v1/responses`, { method: "POST", body: "{" })).status, 400);
    assert.equal((await fetch(`${model.url}/v1/models`)).status, 200);
  }));

test("says where it listens and ends with its input", async () => {
  const script = fileURLToPath(new URL("../fake-model.mjs", import.meta.url));
  const child = spawn(process.execPath, [script, "--until-eof"], { stdio: ["pipe", "pipe", "inherit"] });
  const [line] = await once(child.stdout.setEncoding("utf8"), "data");
  assert.match(line, /^listening on http:\/\/127\.0\.0\.1:\d+\n$/);
  child.stdin.end();
  const [code] = await once(child, "exit");
  assert.equal(code, 0);
});
