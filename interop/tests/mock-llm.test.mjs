// `convene mock-llm` against the official client libraries of its five APIs: what they parse, stream,
// retry and throw is what the real services make them do.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import test from "node:test";

import { install } from "../install.mjs";
import { binary, startMockModel } from "../mock-model.mjs";

const require = createRequire(path.join(install(), "package.json"));
const Anthropic = require("@anthropic-ai/sdk");
const OpenAI = require("openai");
const { GoogleGenAI } = require("@google/genai");
const bedrock = require("@aws-sdk/client-bedrock-runtime");
const { NodeHttpHandler } = createRequire(require.resolve("@aws-sdk/client-bedrock-runtime"))("@smithy/node-http-handler");

const SCRIPT = `
rules:
  - match: {user: weather}
    steps:
      - thoughts: {say: "Two cities are asked for.", chunk: 4}
      - text: "I look. "
      - tool_call: {name: get_weather, input: {city: Paris, note: "a \\"b\\" é"}}
      - tool_call: {name: get_weather, input: {city: Rome}}
      - usage: {input_tokens: 100, output_tokens: 20, cached_tokens: 40, thought_tokens: 5}
  - match: {tool_result: ""}
    steps:
      - text: "It is {{tool_result}}."
  - match: {user: limit}
    steps:
      - text: {say: "abc", chunk: 1, delay_ms: 1}
      - stop_reason: max_tokens
  - match: {user: busy, call: 1}
    steps:
      - error: {status: 429, message: slow down, retry_after_s: 0}
  - match: {user: broken}
    steps:
      - text: "half a "
      - error: {status: 500, message: lost}
  - match: {user: cut}
    steps:
      - text: "half a "
      - disconnect
`;
const SCHEMA = {
  type: "object",
  properties: { city: { type: "string" }, note: { type: "string" } },
  required: ["city"],
};
const MARK = { city: "Paris", note: 'a "b" é' };

let model;
let directory;

test.before(async () => {
  directory = mkdtempSync(path.join(os.tmpdir(), "convene-mock-"));
  const script = path.join(directory, "answers.yaml");
  writeFileSync(script, SCRIPT);
  model = await startMockModel({ script, tick: 1 });
});

test.after(async () => {
  assert.equal(await model?.close(), 0);
  rmSync(directory, { recursive: true, force: true });
});

async function collect(stream) {
  const all = [];
  for await (const item of stream) all.push(item);
  return all;
}

// ---- Anthropic

test("Anthropic's library streams, calls tools, counts, and throws what it should", async () => {
  const client = new Anthropic({ apiKey: "k", baseURL: model.url });
  const base = { model: "claude-x", max_tokens: 2000 };
  const tools = [{ name: "get_weather", input_schema: SCHEMA }];
  const ask = (content, more) => ({ ...base, tools, messages: [{ role: "user", content }], ...more });

  const stream = client.messages.stream(ask("weather?"));
  const texts = [];
  const thoughts = [];
  stream.on("text", (text) => texts.push(text)).on("thinking", (thought) => thoughts.push(thought));
  const message = await stream.finalMessage();
  assert.equal(texts.join(""), "I look. ");
  assert.equal(thoughts.join(""), "Two cities are asked for.");
  assert.deepEqual(message.content.map((block) => block.type), ["thinking", "text", "tool_use", "tool_use"]);
  assert.deepEqual(message.content[2].input, MARK);
  assert.equal(message.stop_reason, "tool_use");
  assert.equal(message.usage.output_tokens, 20);
  assert.equal(message.usage.cache_read_input_tokens, 40);
  const whole = await client.messages.create(ask("weather?"));
  assert.deepEqual(whole.content.map((b) => b.text ?? b.input), message.content.map((b) => b.text ?? b.input));
  assert.match(whole._request_id, /^req_/);

  // What the model said goes back as it came, with its signature.
  const results = message.content
    .filter((block) => block.type === "tool_use")
    .map((block, n) => ({ type: "tool_result", tool_use_id: block.id, content: `${n}°` }));
  const conversation = [
    { role: "user", content: "weather?" },
    { role: "assistant", content: message.content },
    { role: "user", content: results },
  ];
  const report = await client.messages.create({ ...base, tools, messages: conversation });
  assert.equal(report.content[0].text, "It is 0°\n1°.");
  assert.equal(report.stop_reason, "end_turn");

  const limited = await client.messages.stream(ask("limit")).finalMessage();
  assert.equal(limited.stop_reason, "max_tokens");
  assert.ok((await client.messages.countTokens({ model: "claude-x", messages: conversation })).input_tokens > 10);
  const models = await collect(client.models.list());
  assert.deepEqual(models.map((m) => m.id), ["mock-model", "mock-model-small"]);

  // The library tries again by itself.
  assert.equal((await client.messages.create(ask("busy"))).content[0].text, "turn 1: you said busy");
  await assert.rejects(
    () => client.messages.create({ ...base, messages: [{ role: "user", content: results }] }),
    (error) => error instanceof Anthropic.BadRequestError && /unexpected `tool_use_id`/.test(error.message) && /^req_/.test(error.requestID),
  );
  await assert.rejects(
    () => client.messages.create({ ...base, messages: conversation.slice(0, 2) }),
    (error) => error.status === 400 && /`tool_use` ids were found without `tool_result` blocks/.test(error.message),
  );
  await assert.rejects(
    () => client.messages.stream(ask("broken")).finalMessage(),
    (error) => error instanceof Anthropic.APIError && /lost/.test(error.message),
  );
  await assert.rejects(() => client.messages.stream(ask("cut")).finalMessage());
  const stranger = new Anthropic({ apiKey: "k", baseURL: model.url, defaultHeaders: { "x-api-key": null, authorization: null } });
  await assert.rejects(() => stranger.messages.create(ask("hi")), Anthropic.AuthenticationError);
});

// ---- OpenAI

const openai = (more) => new OpenAI({ apiKey: "k", baseURL: `${model.url}/v1`, ...more });

test("OpenAI's library streams and keeps responses", async () => {
  const client = openai();
  const tools = [{ type: "function", name: "get_weather", parameters: SCHEMA, strict: false }];
  const stream = client.responses.stream({ model: "gpt-x", input: "weather?", tools });
  const events = await collect(stream);
  const response = await stream.finalResponse();
  assert.deepEqual(response.output.map((item) => item.type), ["reasoning", "message", "function_call", "function_call"]);
  assert.equal(response.output_text, "I look. ");
  assert.deepEqual(JSON.parse(response.output[2].arguments), MARK);
  assert.deepEqual(events.map((event) => event.sequence_number), events.map((_, n) => n));
  assert.equal(response.usage.input_tokens_details.cached_tokens, 40);
  assert.equal(response.usage.output_tokens_details.reasoning_tokens, 5);
  const ids = response.output.map((item) => item.id);
  assert.equal(new Set(ids).size, 4);

  const outputs = response.output
    .filter((item) => item.type === "function_call")
    .map((item, n) => ({ type: "function_call_output", call_id: item.call_id, output: `${n}°` }));
  const next = { model: "gpt-x", previous_response_id: response.id, input: outputs, tools };
  assert.equal((await client.responses.create(next)).output_text, "It is 0°\n1°.");
  const input = [{ role: "user", content: "weather?" }, ...response.output, ...outputs];
  assert.equal((await client.responses.create({ model: "gpt-x", input, tools })).output_text, "It is 0°\n1°.");
  assert.equal((await client.responses.retrieve(response.id)).id, response.id);

  const limited = await client.responses.create({ model: "gpt-x", input: "limit" });
  assert.equal(limited.status, "incomplete");
  assert.equal((await client.responses.create({ model: "gpt-x", input: "busy" })).output_text, "turn 1: you said busy");
  await assert.rejects(
    () => client.responses.create({ model: "gpt-x", input: outputs }),
    (error) => error instanceof OpenAI.BadRequestError && error.param === "input" && /No tool call found/.test(error.message),
  );
  await assert.rejects(
    () => client.responses.create({ ...next, previous_response_id: "resp_none" }),
    (error) => error.code === "previous_response_not_found",
  );
  const broken = await collect(await client.responses.create({ model: "gpt-x", input: "broken", stream: true }));
  assert.deepEqual(broken.slice(-2).map((event) => event.type), ["error", "response.failed"]);
  assert.deepEqual(broken.at(-1).response.error, { code: "server_error", message: "lost" });
  await assert.rejects(async () => collect(await client.responses.create({ model: "gpt-x", input: "cut", stream: true })));
});

test("OpenAI's library parses answers of a shape, and other tools than functions", async () => {
  const client = openai();
  const format = { type: "json_schema", name: "city", strict: true, schema: { ...SCHEMA, additionalProperties: false } };
  const parsed = await client.responses.parse({ model: "gpt-x", input: "anything", text: { format } });
  assert.deepEqual(Object.keys(JSON.parse(parsed.output_text)).sort(), ["city", "note"]);

  const plain = await startMockModel();
  try {
    const other = new OpenAI({ apiKey: "k", baseURL: `${plain.url}/v1` });
    const ask = (tools) => other.responses.create({ model: "gpt-x", input: "TOOL: ls -l", tools });
    const local = (await ask([{ type: "local_shell" }])).output[0];
    assert.equal(local.type, "local_shell_call");
    assert.deepEqual(local.action.command, ["bash", "-lc", "ls -l"]);
    const custom = (await ask([{ type: "custom", name: "shell" }])).output[0];
    assert.deepEqual([custom.type, custom.input], ["custom_tool_call", "ls -l"]);
    const done = await other.responses.create({
      model: "gpt-x",
      input: [
        { role: "user", content: "TOOL: ls -l" },
        local,
        { type: "local_shell_call_output", call_id: local.call_id, output: "a.txt" },
      ],
    });
    assert.equal(done.output_text, "the command said: a.txt");
  } finally {
    assert.equal(await plain.close(), 0);
  }
});

test("OpenAI's library streams chat completions", async () => {
  const client = openai();
  const tools = [{ type: "function", function: { name: "get_weather", parameters: SCHEMA } }];
  const ask = (content, more) => ({ model: "gpt-x", messages: [{ role: "user", content }], ...more });
  const stream = client.chat.completions.stream(ask("weather?", { tools, stream_options: { include_usage: true } }));
  const completion = await stream.finalChatCompletion();
  const { message, finish_reason } = completion.choices[0];
  assert.equal(message.content, "I look. ");
  assert.equal(finish_reason, "tool_calls");
  assert.deepEqual(JSON.parse(message.tool_calls[0].function.arguments), MARK);
  assert.equal(completion.usage.prompt_tokens, 100);
  const whole = await client.chat.completions.create(ask("weather?", { tools }));
  assert.equal(whole.choices[0].message.tool_calls.length, 2);

  const results = message.tool_calls.map((call, n) => ({ role: "tool", tool_call_id: call.id, content: `${n}°` }));
  const conversation = [{ role: "user", content: "weather?" }, message, ...results];
  const report = await client.chat.completions.create({ model: "gpt-x", messages: conversation, tools });
  assert.equal(report.choices[0].message.content, "It is 0°\n1°.");

  await assert.rejects(
    () => client.chat.completions.create({ model: "gpt-x", messages: conversation.slice(0, 3), tools }),
    (error) => error instanceof OpenAI.BadRequestError && error.message.includes(message.tool_calls[1].id),
  );
  await assert.rejects(
    () => client.chat.completions.create({ model: "gpt-x", messages: results }),
    (error) => error.param === "messages.[0].role",
  );
  await assert.rejects(async () => collect(await client.chat.completions.create(ask("broken", { stream: true }))), /lost/);
  const stranger = openai({ defaultHeaders: { authorization: null } });
  await assert.rejects(() => stranger.chat.completions.create(ask("hi")), OpenAI.AuthenticationError);
  const models = await collect(client.models.list());
  assert.deepEqual(models.map((m) => m.id), ["mock-model", "mock-model-small"]);
});

// ---- Gemini

test("Google's library streams, calls functions, counts, and throws what it should", async () => {
  const ai = new GoogleGenAI({ apiKey: "k", httpOptions: { baseUrl: model.url } });
  const config = { tools: [{ functionDeclarations: [{ name: "get_weather", parametersJsonSchema: SCHEMA }] }] };
  const ask = (contents, more) => ({ model: "gemini-x", contents, config, ...more });
  const chunks = await collect(await ai.models.generateContentStream(ask("weather?")));
  const parts = chunks.flatMap((chunk) => chunk.candidates[0].content.parts);
  const text = (thought) => parts.filter((p) => Boolean(p.thought) === thought).map((p) => p.text ?? "").join("");
  assert.equal(text(true), "Two cities are asked for.");
  assert.equal(text(false), "I look. ");
  const calls = chunks.flatMap((chunk) => chunk.functionCalls ?? []);
  assert.deepEqual(calls.map((call) => call.args), [MARK, { city: "Rome" }]);
  assert.equal(chunks.at(-1).candidates[0].finishReason, "STOP");
  assert.equal(chunks.at(-1).usageMetadata.promptTokenCount, 100);

  const whole = await ai.models.generateContent(ask("weather?"));
  assert.equal(whole.text, "I look. ");
  const responses = whole.functionCalls.map((call, n) => ({
    functionResponse: { name: call.name, response: { output: `${n}°` } },
  }));
  const contents = [
    { role: "user", parts: [{ text: "weather?" }] },
    whole.candidates[0].content,
    { role: "user", parts: responses },
  ];
  assert.equal((await ai.models.generateContent(ask(contents))).text, "It is 0°\n1°.");
  assert.ok((await ai.models.countTokens({ model: "gemini-x", contents })).totalTokens > 10);

  const status = (code, words) => (error) => error.status === code && words.test(error.message);
  const orphan = [contents[0], { role: "user", parts: responses }];
  await assert.rejects(() => ai.models.generateContent(ask(orphan)), status(400, /function call turn/));
  await assert.rejects(() => ai.models.generateContent(ask([{ role: "robot", parts: [{ text: "x" }] }])), status(400, /valid role/));
  await assert.rejects(async () => collect(await ai.models.generateContentStream(ask("broken"))), /lost/);
});

// ---- Bedrock

test("Amazon's library decodes the frames of ConverseStream and its exceptions", async () => {
  const client = new bedrock.BedrockRuntimeClient({
    region: "us-east-1",
    endpoint: model.url,
    credentials: { accessKeyId: "AKIAMOCK", secretAccessKey: "x" },
    maxAttempts: 2,
    // By default this client speaks HTTP/2, which is for TLS.
    requestHandler: new NodeHttpHandler(),
  });
  const toolConfig = { tools: [{ toolSpec: { name: "get_weather", inputSchema: { json: SCHEMA } } }] };
  const modelId = "us.mock.model-v1:0";
  const ask = (text) => ({ modelId, toolConfig, messages: [{ role: "user", content: [{ text }] }] });
  const streamed = async (input) => collect((await client.send(new bedrock.ConverseStreamCommand(input))).stream);

  const events = await streamed(ask("weather?"));
  const delta = (of) => events.map((event) => of(event.contentBlockDelta?.delta ?? {}) ?? "").join("");
  assert.equal(delta((d) => d.text), "I look. ");
  assert.equal(delta((d) => d.reasoningContent?.text), "Two cities are asked for.");
  const starts = events.filter((event) => event.contentBlockStart);
  assert.deepEqual(starts.map((s) => s.contentBlockStart.start.toolUse.name), ["get_weather", "get_weather"]);
  const index = starts[0].contentBlockStart.contentBlockIndex;
  const input = events.filter((e) => e.contentBlockDelta?.contentBlockIndex === index).map((e) => e.contentBlockDelta.delta.toolUse.input);
  assert.deepEqual(JSON.parse(input.join("")), MARK);
  assert.deepEqual(events.at(-2).messageStop, { stopReason: "tool_use" });
  assert.equal(events.at(-1).metadata.usage.inputTokens, 100);

  const whole = await client.send(new bedrock.ConverseCommand(ask("weather?")));
  const said = whole.output.message;
  const uses = said.content.filter((block) => block.toolUse).map((block) => block.toolUse);
  assert.deepEqual(uses[0].input, MARK);
  const results = uses.map((use, n) => ({ toolResult: { toolUseId: use.toolUseId, content: [{ text: `${n}°` }] } }));
  const messages = [...ask("weather?").messages, said, { role: "user", content: results }];
  const report = await client.send(new bedrock.ConverseCommand({ modelId, toolConfig, messages }));
  assert.equal(report.output.message.content[0].text, "It is 0°\n1°.");

  await assert.rejects(
    () => client.send(new bedrock.ConverseCommand({ modelId, toolConfig, messages: messages.slice(0, 2) })),
    (error) => error instanceof bedrock.ValidationException && /Expected toolResult blocks/.test(error.message),
  );
  await assert.rejects(
    () => streamed({ modelId, toolConfig, messages: [{ role: "user", content: results }] }),
    (error) => error instanceof bedrock.ValidationException && /exceeds the number of toolUse blocks/.test(error.message),
  );
  await assert.rejects(() => streamed(ask("broken")), (error) => error.name === "InternalServerException");
  client.destroy();
});

// ---- The server itself

test("shows the conversations that it saw", async () => {
  await model.reset();
  const client = openai();
  const first = await client.responses.create({ model: "gpt-x", input: "my name is Ada" });
  await client.responses.create({ model: "gpt-x", previous_response_id: first.id, input: "RECALL" });
  const { conversations, refused } = await model.conversations();
  assert.deepEqual(refused, []);
  assert.deepEqual(conversations.map((c) => c.user), [["my name is Ada", "RECALL"]]);
  assert.deepEqual(conversations[0].exchanges.map((e) => e.answer.text), [
    "turn 1: you said my name is Ada",
    "you said before: my name is Ada",
  ]);
  assert.equal(conversations[0].exchanges[0].raw.headers.authorization, "***");
});

test("a reader that hangs up ends its reply", async () => {
  const slow = await startMockModel({ tick: 5 });
  try {
    const hangUp = new AbortController();
    const response = await fetch(`${slow.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: "Bearer k" },
      body: JSON.stringify({ model: "m", stream: true, messages: [{ role: "user", content: "SLOW 1000000" }] }),
      signal: hangUp.signal,
    });
    await response.body.getReader().read();
    hangUp.abort();
    const deadline = Date.now() + 10_000;
    for (;;) {
      const [exchange] = await slow.exchanges();
      if (exchange.outcome === "client_left") break;
      assert.ok(Date.now() < deadline, `the reply is ${exchange.outcome}`);
    }
  } finally {
    assert.equal(await slow.close(), 0);
  }
});

test("says where it listens, and what is wrong when it cannot", async () => {
  const taken = net.createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => taken.once("listening", resolve));
  const { port } = taken.address();
  const run = (...args) => spawnSync(binary(), ["mock-llm", ...args], { encoding: "utf8", input: "" });
  try {
    const bad = path.join(directory, "bad.yaml");
    writeFileSync(bad, "rules:\n  - steps:\n      - texts: a\n");
    for (const [args, status, words] of [
      [["--bind", `127.0.0.1:${port}`], 1, /^error\[port_in_use\]: 127\.0\.0\.1:\d+ is taken by .+\n {2}hint: .+\n$/],
      [["--bind", "0.0.0.0:0"], 2, /^error\[bind_refused\]: 0\.0\.0\.0:0 is open to the network\n/],
      [["--bind", "here"], 2, /^error\[invalid_request\]: "here" is not an address with a port\n/],
      [["--script", bad], 2, /^error\[invalid_request\]: the script .*bad\.yaml is wrong: .*texts.*line 3/],
      [["--script", path.join(directory, "none")], 2, /^error\[invalid_request\]: the script .*none cannot be read: /],
    ]) {
      const said = run(...args, "--until-eof");
      assert.equal(said.status, status, said.stderr);
      assert.match(said.stderr, words);
      assert.equal(said.stdout, "");
    }
    const json = run("--until-eof", "--log-format", "json");
    assert.equal(json.status, 0, json.stderr);
    assert.match(JSON.parse(json.stdout).listening, /^http:\/\/127\.0\.0\.1:\d+$/);
  } finally {
    taken.close();
  }
});
