// The main job, written against nothing but what was generated from `openapi.json`: make a session with a prompt,
// follow its events, answer the permission request, read the result, stop and remove it.
//
// It is given the server's address, a token and a directory, and prints what it saw as JSON.

import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Schemas = components["schemas"];

const [baseUrl = "", token = "", cwd = ""] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token}` } });

/** The answer, or the problem as an error. */
function good<T>(result: { data?: T; error?: Schemas["Problem"] }): T {
  if (result.error) throw new Error(`${result.error.code}: ${result.error.detail}`);
  if (result.data === undefined) throw new Error("no answer");
  return result.data;
}

function isKnown(event: Schemas["Event"], types: ReadonlySet<string>): event is Schemas["KnownEvent"] {
  return types.has(event.type);
}

/** A session's events after a cursor, until the caller has enough; a stream that breaks goes on by cursor. */
async function* follow(id: string, after: number): AsyncGenerator<Schemas["Event"]> {
  for (;;) {
    const { response } = await client.GET("/v1/sessions/{id}/events", {
      params: { path: { id }, query: { after } },
      headers: { Accept: "text/event-stream" },
      parseAs: "stream",
    });
    if (!response.ok || !response.body) throw new Error(`no stream: ${response.status}`);
    let rest = "";
    for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
      const messages = (rest + text).split("\n\n");
      rest = messages.pop() ?? "";
      for (const message of messages) {
        const data = message.split("\n").filter((line) => line.startsWith("data:"));
        if (data.length === 0) continue;
        const event = JSON.parse(data.map((line) => line.slice(5)).join("\n")) as Schemas["Event"];
        after = event.seq;
        yield event;
      }
    }
  }
}

const KNOWN: ReadonlySet<string> = new Set(["permission_requested", "message_appended", "turn_ended", "session_stopped"]);

const body: Schemas["CreateSession"] = { prompt: "PERM\nhello", cwd, agent: "fake", permissions: "ask", title: "by a stranger" };
const created = good(await client.POST("/v1/sessions", { body, params: { header: { "Idempotency-Key": "job-1" } } }));
const again = good(await client.POST("/v1/sessions", { body, params: { header: { "Idempotency-Key": "job-1" } } }));
const id = created.session.id;

let text = "";
let reason: Schemas["StopReason"] | undefined;
let cursor = 0;
let decided: Schemas["PermissionOption"] | null | undefined;
for await (const event of follow(id, 0)) {
  cursor = event.seq;
  if (!isKnown(event, KNOWN)) continue;
  if (event.type === "permission_requested") {
    const answer = { decision: "allow_once" as const };
    const path = { id, request: event.request };
    decided = good(await client.POST("/v1/sessions/{id}/permissions/{request}", { params: { path }, body: answer })).option;
  } else if (event.type === "message_appended" && event.role === "agent" && event.content.type === "text") {
    text += event.content.text;
  } else if (event.type === "turn_ended") {
    reason = event.stop_reason;
    break;
  }
}

const session = good(await client.GET("/v1/sessions/{id}", { params: { path: { id } } }));
const listed = good(await client.GET("/v1/sessions", { params: { query: { q: "by a stranger", view: "row", limit: 10 } } }));
good(await client.POST("/v1/sessions/{id}/stop", { params: { path: { id } }, body: { mode: "now" } }));
let cause: Schemas["StopCause"] | undefined;
for await (const event of follow(id, cursor)) {
  if (isKnown(event, KNOWN) && event.type === "session_stopped") {
    cause = event.cause;
    break;
  }
}
good(await client.DELETE("/v1/sessions/{id}", { params: { path: { id } } }));
const gone = await client.GET("/v1/sessions/{id}", { params: { path: { id } } });
const wrong = await client.POST("/v1/sessions", { body: { ...body, agent: "fakee" } });

console.log(
  JSON.stringify({
    same: again.session.id === id,
    option: decided?.kind,
    text,
    reason,
    result: session.result,
    listed: listed.items.map((item) => item.id === id),
    cause,
    gone: gone.error?.code,
    wrong: wrong.error?.code,
  }),
);
process.exit(0);
