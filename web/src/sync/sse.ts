/**
 * The way around a proxy that blocks WebSockets: the list and the session in view as server-sent events, told as if they came
 * over the socket. Not more than these two: a browser has six connections per host on HTTP/1.1.
 */
import { isEvent } from "./wire";
import type { Connection, Heard } from "./socket";

const LIST = "list";

export function dialStreams(heard: Heard): Connection {
  const streams = new Map<string, EventSource>();
  let over = false;

  function follow(topic: string, after: number, epoch: number | null): void {
    streams.get(topic)?.close();
    const others = [...streams.keys()].filter((other) => other !== LIST && other !== topic);
    if (topic !== LIST) others.forEach(stop);
    const path = topic === LIST ? "/v1/events" : `/v1/sessions/${encodeURIComponent(topic)}/events`;
    const query = new URLSearchParams({ after: String(after) });
    if (epoch !== null) query.set("epoch", String(epoch));
    const stream = new EventSource(`${path}?${query}`);
    streams.set(topic, stream);
    const tell = (message: MessageEvent<string>) => heard.message(envelope(topic, message.data));
    stream.onmessage = tell;
    stream.addEventListener("caught_up", () => {
      heard.message(JSON.stringify({ type: "caught_up", topic, after }));
    });
    // A browser would dial again by itself, but the backoff is ours.
    stream.onerror = () => {
      if (over) return;
      close();
      heard.ended(true, 0, "stream");
    };
  }

  function stop(topic: string): void {
    streams.get(topic)?.close();
    streams.delete(topic);
  }

  function close(): void {
    over = true;
    for (const stream of streams.values()) stream.close();
    streams.clear();
  }

  return { subscribe: follow, unsubscribe: stop, ping: () => undefined, close };
}

function envelope(topic: string, data: string): string {
  if (topic === LIST) return data;
  const event: unknown = JSON.parse(data);
  return isEvent(event) ? JSON.stringify({ topic, event }) : data;
}
