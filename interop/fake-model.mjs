// A scripted model server on loopback: the OpenAI Responses API, streamed and not, as far as a
// real coding agent needs it. Without dependencies; Node 20 or newer.
//
//   node interop/fake-model.mjs [--port 0] [--tick 250] [--log FILE] [--until-eof]
//
// The first line on stdout is `listening on http://127.0.0.1:PORT`. The last thing the user said
// picks what the model does:
//
//   SLOW n       says n words, one every --tick milliseconds
//   RUN command  calls the agent's shell tool once with that command, then says what came back
//   ASK command  the same, but wants to leave the agent's sandbox, so that the agent asks first
//   else         a short answer that counts the user's turns: "turn 2: you said hello"
//
// A question that wants its answer in a JSON schema (agents ask for titles so) gets an object of
// that shape, and is no turn of the user's.
//
// With --log, one JSON line for each request tells what was seen and what was done. With
// --until-eof the server ends with its standard input, so that it never outlives a test.

import { randomUUID } from "node:crypto";
import { appendFileSync } from "node:fs";
import http from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import zlib from "node:zlib";

/** Starts a server; `requests` grows by one record for each call of the model. */
export async function startFakeModel({ port = 0, tick = 250, log } = {}) {
  const requests = [];
  const record = (entry) => {
    requests.push(entry);
    if (log) appendFileSync(log, `${JSON.stringify(entry)}\n`);
  };
  const server = http.createServer((request, response) => {
    answer(request, response, { tick, record }).catch((error) => {
      if (!response.headersSent) sendError(response, 500, String(error));
      else response.destroy();
    });
  });
  await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const close = () =>
    new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${server.address().port}`, requests, close };
}

async function answer(request, response, { tick, record }) {
  const path = new URL(request.url, "http://localhost").pathname;
  if (request.method === "GET" && path.endsWith("/models")) {
    return sendJson(response, 200, { object: "list", data: [{ id: "fake-model", object: "model" }] });
  }
  if (request.method !== "POST" || !path.endsWith("/responses")) {
    return sendError(response, 404, `no such route: ${request.method} ${path}`);
  }
  let body;
  try {
    body = JSON.parse(decode(await read(request), request.headers["content-encoding"]));
  } catch (error) {
    return sendError(response, 400, `not a JSON body: ${error.message}`);
  }
  const plan = decide(body);
  record({
    at: new Date().toISOString(),
    model: body.model,
    stream: body.stream === true,
    turns: plan.turns,
    said: plan.said,
    does: plan.does,
    tools: toolNames(body),
  });
  const reply = new Reply(body.model);
  if (body.stream) await stream(response, reply, plan, tick);
  else sendJson(response, 200, whole(reply, plan));
}

// ---- what to do

/** Decides from the conversation so far; agents send all of it each time. */
export function decide(body) {
  const items = typeof body.input === "string" ? [{ role: "user", content: body.input }] : (body.input ?? []);
  let turns = 0;
  let said = "";
  let result;
  for (const item of items) {
    if (item.role === "user" && !isContext(textOf(item.content))) {
      turns += 1;
      said = textOf(item.content).trim();
      result = undefined;
    } else if (/_call_output$/.test(item.type ?? "")) {
      // Agents put a heading of their own above the output.
      result = textOf(item.output).split("Output:\n").at(-1).trim();
    }
  }
  const common = { turns, said };
  const format = body.text?.format;
  if (format?.type === "json_schema") {
    return { turns: 0, said, does: "schema", words: [JSON.stringify(shaped(format.schema))] };
  }
  if (result !== undefined) {
    return { ...common, does: "report", words: words(`the command said: ${result.slice(0, 400)}`) };
  }
  const slow = /(?:^|\s)SLOW (\d+)/.exec(said);
  if (slow) {
    const count = Math.min(Number(slow[1]), 1_000_000);
    return { ...common, does: "slow", words: Array.from({ length: count }, (_, i) => `tick${i} `) };
  }
  const run = /(?:^|\s)(RUN|ASK) (.+)/.exec(said);
  const tool = run && shellTool(body.tools ?? []);
  if (tool) {
    const [, word, command] = run;
    return { ...common, does: word.toLowerCase(), call: shellCall(tool, command.trim(), word === "ASK") };
  }
  return { ...common, does: "answer", words: words(`turn ${turns}: you said ${said.slice(0, 200)}`) };
}

function shaped(schema = {}) {
  const properties = Object.entries(schema.properties ?? {});
  if (schema.type !== "object") return filler(schema);
  return Object.fromEntries(properties.map(([name, property]) => [name, shaped(property)]));
}

/** Agents put what they know of the project into user messages of their own, in tags or headings. */
function isContext(text) {
  return text.trim() === "" || /^\s*(<[a-z_]+>|# AGENTS\.md)/.test(text);
}

function textOf(content) {
  if (typeof content === "string") return content;
  if (Array.isArray(content)) return content.map(textOf).join("\n");
  return content?.text ?? (content ? textOf(content.content ?? content.output ?? "") : "");
}

function words(text) {
  return text.split(/(?<= )/);
}

const SHELLS = ["exec_command", "shell_command", "shell", "local_shell", "bash", "terminal"];

function toolNames(body) {
  return (body.tools ?? []).map((tool) => tool.name ?? tool.type);
}

function shellTool(tools) {
  const named = (name) => tools.find((tool) => (tool.name ?? tool.type) === name);
  return SHELLS.map(named).find(Boolean);
}

/** One call of the agent's shell tool, shaped by the schema that the agent sent. */
function shellCall(tool, command, escalated) {
  if (tool.type === "local_shell") {
    return {
      type: "local_shell_call",
      action: { type: "exec", command: ["bash", "-lc", command], env: {} },
    };
  }
  const schema = tool.parameters ?? {};
  const parameters = schema.properties ?? {};
  const key = "cmd" in parameters ? "cmd" : "command";
  const asList = parameters[key]?.type === "array";
  const given = { [key]: asList ? ["bash", "-lc", command] : command };
  if (escalated && "sandbox_permissions" in parameters) {
    given.sandbox_permissions = "require_escalated";
    given.justification = `May I run ${command}?`;
  }
  for (const name of schema.required ?? []) {
    given[name] ??= filler(parameters[name]);
  }
  return { type: "function_call", name: tool.name, arguments: JSON.stringify(given) };
}

function filler(schema = {}) {
  if (schema.enum) return schema.enum[0];
  const fillers = { boolean: false, integer: 1000, number: 1000, array: [], object: {} };
  return fillers[schema.type] ?? "because the script says so";
}

// ---- how to say it

/** The frame of one reply. Every id is new: an agent that finds an old one again drops turns. */
class Reply {
  constructor(model = "fake-model") {
    this.id = `resp_${randomUUID()}`;
    this.created = Math.floor(Date.now() / 1000);
    this.model = model;
  }

  as(status, output = []) {
    const count = output.length * 5;
    return {
      id: this.id,
      object: "response",
      created_at: this.created,
      status,
      model: this.model,
      output,
      error: null,
      incomplete_details: null,
      parallel_tool_calls: false,
      tool_choice: "auto",
      tools: [],
      usage:
        status === "completed"
          ? {
              input_tokens: 10,
              input_tokens_details: { cached_tokens: 0 },
              output_tokens: count,
              output_tokens_details: { reasoning_tokens: 0 },
              total_tokens: 10 + count,
            }
          : null,
    };
  }
}

function callItem(call, status) {
  return { id: `fc_${randomUUID()}`, call_id: `call_${randomUUID()}`, status, ...call };
}

function messageItem(id, status, text) {
  const content = text === undefined ? [] : [textPart(text)];
  return { type: "message", id, role: "assistant", status, content };
}

function textPart(text) {
  return { type: "output_text", text, annotations: [] };
}

function whole(reply, plan) {
  const item = plan.call
    ? callItem(plan.call, "completed")
    : messageItem(`msg_${randomUUID()}`, "completed", plan.words.join(""));
  return reply.as("completed", [item]);
}

async function stream(response, reply, plan, tick) {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  let number = 0;
  const send = async (type, fields) => {
    const event = { type, sequence_number: number++, ...fields };
    const roomy = response.write(`event: ${type}\ndata: ${JSON.stringify(event)}\n\n`);
    if (!roomy && !response.destroyed) {
      await new Promise((resolve) => {
        response.once("drain", resolve);
        response.once("close", resolve);
      });
    }
  };
  await send("response.created", { response: reply.as("in_progress") });
  const item = plan.call ? await sendCall(send, plan.call) : await sendWords(send, response, plan, tick);
  await send("response.output_item.done", { output_index: 0, item });
  await send("response.completed", { response: reply.as("completed", [item]) });
  response.end();
}

async function sendCall(send, call) {
  const item = callItem(call, "completed");
  const at = { output_index: 0, item_id: item.id };
  if (item.arguments === undefined) {
    await send("response.output_item.added", { output_index: 0, item: { ...item, status: "in_progress" } });
    return item;
  }
  const begun = { ...item, status: "in_progress", arguments: "" };
  await send("response.output_item.added", { output_index: 0, item: begun });
  await send("response.function_call_arguments.delta", { ...at, delta: item.arguments });
  await send("response.function_call_arguments.done", { ...at, arguments: item.arguments });
  return item;
}

async function sendWords(send, response, plan, tick) {
  const id = `msg_${randomUUID()}`;
  const at = { item_id: id, output_index: 0, content_index: 0 };
  await send("response.output_item.added", { output_index: 0, item: messageItem(id, "in_progress") });
  await send("response.content_part.added", { ...at, part: textPart("") });
  let said = "";
  for (const word of plan.words) {
    // The agent hung up: its turn was canceled, or it died.
    if (response.destroyed) throw new Error("the reader went away");
    if (plan.does === "slow" && said && tick > 0) await delay(tick);
    said += word;
    await send("response.output_text.delta", { ...at, delta: word });
  }
  await send("response.output_text.done", { ...at, text: said });
  await send("response.content_part.done", { ...at, part: textPart(said) });
  return messageItem(id, "completed", said);
}

// ---- HTTP

async function read(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function decode(bytes, encoding = "identity") {
  const decoders = {
    identity: (plain) => plain,
    gzip: zlib.gunzipSync,
    deflate: zlib.inflateSync,
    br: zlib.brotliDecompressSync,
  };
  const decoder = decoders[encoding];
  if (!decoder) throw new Error(`content-encoding ${encoding}`);
  return decoder(bytes).toString("utf8");
}

function sendJson(response, status, body) {
  const text = JSON.stringify(body);
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  response.end(text);
}

function sendError(response, status, message) {
  sendJson(response, status, { error: { message, type: "invalid_request_error", code: null } });
}

// ---- started by hand

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: "0" },
      tick: { type: "string", default: "250" },
      log: { type: "string" },
      "until-eof": { type: "boolean", default: false },
    },
  });
  const model = await startFakeModel({ port: Number(values.port), tick: Number(values.tick), log: values.log });
  console.log(`listening on ${model.url}`);
  if (values["until-eof"]) process.stdin.on("close", () => process.exit(0)).resume();
}
