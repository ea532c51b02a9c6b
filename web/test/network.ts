/** A network for tests of the connection: sockets that do what the test says, and answers to what is fetched. */
import { vi } from "vitest";
import { client } from "@/api/gen/client.gen";

type Sent = {
  readonly op: string;
  readonly topic?: string;
  readonly after?: number;
  readonly epoch?: number;
};

export class FakeSocket {
  static readonly OPEN = 1;
  readonly url: string;
  readonly sent: Sent[] = [];
  readyState = 0;
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: unknown }) => void) | null = null;
  onclose: ((how: { code: number; reason: string }) => void) | null = null;

  constructor(url: URL | string) {
    this.url = String(url);
    sockets.push(this);
  }
  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }
  close(): void {
    this.readyState = 3;
  }
  open(): void {
    this.readyState = 1;
    this.onopen?.();
  }
  say(message: unknown): void {
    this.onmessage?.({ data: typeof message === "string" ? message : JSON.stringify(message) });
  }
  hello(epoch = 1, version = "0.1.0"): void {
    this.open();
    this.say({ type: "hello", version, epoch, server_time: "2027-01-15T08:00:00Z" });
  }
  end(code = 1006, reason = ""): void {
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }
  subscribed(): readonly Sent[] {
    return this.sent.filter(({ op }) => op === "subscribe");
  }
}

const sockets: FakeSocket[] = [];

export type Answer = (url: URL, request: Request) => Response | Promise<Response>;

export type Network = {
  readonly sockets: readonly FakeSocket[];
  /** What was fetched: `GET /v1/sessions?…`. */
  readonly fetched: string[];
  readonly socket: () => FakeSocket;
  answer: Answer;
};

/** Stands in for the browser's network until the test is over. */
export function aNetwork(answer: Answer): Network {
  sockets.length = 0;
  const network: Network = {
    sockets,
    fetched: [],
    socket: () => {
      const last = sockets.at(-1);
      if (!last) throw new Error("nobody dialed");
      return last;
    },
    answer,
  };
  // Node knows no page that an address could be relative to.
  client.setConfig({ baseUrl: "http://127.0.0.1:4747" });
  vi.stubGlobal("location", new URL("http://127.0.0.1:4747/"));
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.stubGlobal("fetch", async (input: RequestInfo | URL, init?: RequestInit) => {
    const request =
      input instanceof Request ? input : new Request(new URL(String(input), "http://127.0.0.1:4747"), init);
    const url = new URL(request.url);
    network.fetched.push(`${request.method} ${url.pathname}${url.search}`);
    return network.answer(url, request);
  });
  return network;
}

export function json(body: unknown, status = 200): Response {
  const type = status < 400 ? "application/json" : "application/problem+json";
  return new Response(JSON.stringify(body), { status, headers: { "content-type": type } });
}

/** A stream of server-sent events that the test writes. */
export function aStream(): {
  readonly response: Response;
  readonly say: (text: string) => void;
  readonly end: () => void;
} {
  const pipe = new TransformStream<Uint8Array, Uint8Array>();
  const writer = pipe.writable.getWriter();
  const response = new Response(pipe.readable, { headers: { "content-type": "text/event-stream" } });
  return {
    response,
    say: (text) => void writer.write(new TextEncoder().encode(text)),
    end: () => void writer.close(),
  };
}
