/**
 * The way around a proxy that blocks WebSockets: the list and the sessions in view as server-sent events, told as if they came
 * over the socket. Not more than a few: a browser has six connections per host on HTTP/1.1, and commands need some. Read by `fetch` and not by
 * `EventSource`, which does not tell why it was refused, hides signs of life, and dials again by its own clock.
 */
import { answer, problemOf } from "@/api/client";
import { getStatus } from "@/api/gen";
import type { Problem } from "@/store/types";
import { LIST } from "@/store/state";
import type { Connection, Heard } from "./socket";

/** With these the whole connection is refused; with others only a topic, or the moment. */
const NOT_YOU = new Set([401, 403]);
const NOT_THIS = new Set([404, 410]);
/** So many sessions side by side are followed; of more the last ones that were looked at. */
const BESIDE = 3;

export function dialStreams(heard: Heard): Connection {
  const streams = new Map<string, AbortController>();
  let over = false;

  void answer(getStatus()).then((status) => {
    if (over) return;
    if (!status.ok) return end(false, status.problem);
    const { version, epoch } = status.data;
    heard.message(JSON.stringify({ type: "hello", version, epoch }));
  });

  async function follow(topic: string, after: number, epoch: number | null): Promise<void> {
    stop(topic);
    const others = [...streams.keys()].filter((other) => topic !== LIST && other !== LIST);
    for (const oldest of others.slice(0, Math.max(0, others.length - BESIDE + 1))) stop(oldest);
    const stream = new AbortController();
    streams.set(topic, stream);
    const gone = () => over || stream.signal.aborted;
    try {
      const response = await fetch(address(topic, after, epoch), {
        headers: { accept: "text/event-stream" },
        credentials: "same-origin",
        cache: "no-store",
        signal: stream.signal,
      });
      if (gone()) return;
      if (!response.ok || response.body === null) return refused(topic, await problemOf(response));
      heard.message(JSON.stringify({ type: "caught_up", topic, after }));
      await read(response.body, (data) => {
        if (gone()) return;
        if (data === null) heard.alive();
        else heard.message(topic === LIST ? data : `{"topic":${JSON.stringify(topic)},"event":${data}}`);
      });
    } catch (error) {
      if (!gone()) end(true, { code: "stream", detail: String(error) });
      return;
    }
    if (!gone()) end(true, { code: "stream" });
  }

  function refused(topic: string, problem: Problem): void {
    if (over) return;
    streams.delete(topic);
    if (!NOT_THIS.has(problem.status ?? 0)) return end(true, problem);
    heard.message(JSON.stringify({ type: "problem", topic, problem }));
  }

  function end(opened: boolean, problem: Problem): void {
    close();
    const ours = NOT_YOU.has(problem.status ?? 0);
    heard.ended({ opened, reason: problem.code, problem: ours ? problem : null });
  }

  function stop(topic: string): void {
    streams.get(topic)?.abort();
    streams.delete(topic);
  }

  function close(): void {
    over = true;
    for (const topic of [...streams.keys()]) stop(topic);
  }

  return {
    subscribe: (...wanted) => void follow(...wanted),
    unsubscribe: stop,
    // The server says every 15 s that it is there.
    ping: () => undefined,
    close,
    sessions: BESIDE,
    follows: (topic) => streams.has(topic),
  };
}

function address(topic: string, after: number, epoch: number | null): string {
  const path = topic === LIST ? "/v1/events" : `/v1/sessions/${encodeURIComponent(topic)}/events`;
  const query = new URLSearchParams({ after: String(after) });
  if (epoch !== null) query.set("epoch", String(epoch));
  return `${path}?${query}`;
}

/** Tells the data of each event, and `null` for each piece that came. */
async function read(body: ReadableStream<Uint8Array>, tell: (data: string | null) => void): Promise<void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  let data: string[] = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    tell(null);
    const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const text = line.endsWith("\r") ? line.slice(0, -1) : line;
      if (text.startsWith("data:")) data.push(text.slice(text.startsWith("data: ") ? 6 : 5));
      else if (text === "" && data.length > 0) {
        tell(data.join("\n"));
        data = [];
      }
    }
  }
}
