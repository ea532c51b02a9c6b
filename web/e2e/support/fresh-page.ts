/**
 * Serves a page that was just built in front of a server whose binary has an older one: for whoever works on the page and does not want to
 * build the binary each time. `CONVENE_E2E_DIST=DIR` switches it on; CI tests what is in the binary.
 */
import { readFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import path from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

const KINDS: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".webmanifest": "application/manifest+json",
};
const TEXT = new Set([".js", ".css"]);
/** Nearly as small as what the binary has, and made while somebody waits. */
const QUICK = { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } };
/** Where files are that have a hash of their content in their names. */
const HASHED = "/assets/";

export type FreshPage = { readonly url: string; readonly close: () => void };

export async function freshPage(dist: string, server: () => string): Promise<FreshPage> {
  const files = new Map<string, Buffer>();
  /** A file as the server would send it: compressed, if that is worth it. */
  const packed = (name: string): { readonly body: Buffer; readonly small: boolean } => {
    const whole = readFileSync(path.join(dist, path.normalize(name)));
    if (!name.startsWith(HASHED) || !TEXT.has(path.extname(name))) return { body: whole, small: false };
    const body = files.get(name) ?? brotliCompressSync(whole, QUICK);
    files.set(name, body);
    return { body, small: true };
  };
  const front = http.createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://page");
    if (/^\/(v1|healthz|readyz|openapi)/.test(pathname)) return pass(server(), request, response);
    const file = path.extname(pathname) === "" ? "/index.html" : pathname;
    try {
      const { body, small } = packed(file);
      if (small) response.setHeader("content-encoding", "br");
      if (file.startsWith(HASHED)) response.setHeader("cache-control", "public, max-age=31536000, immutable");
      response.setHeader("content-type", KINDS[path.extname(file)] ?? "application/octet-stream");
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  front.on("upgrade", (request, socket, head) => {
    const { hostname, port, host, origin } = new URL(server());
    const back = net.connect(Number(port), hostname, () => {
      const headers = { ...request.headers, host, origin };
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${String(value)}`);
      back.write(`GET ${request.url} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
      back.write(head);
      socket.pipe(back).pipe(socket);
    });
    const end = () => [back, socket].forEach((one) => one.destroy());
    back.on("error", end).on("close", end);
    socket.on("error", end).on("close", end);
  });
  await new Promise<void>((ready) => front.listen(0, "127.0.0.1", ready));
  const address = front.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    close: () => {
      front.close();
      front.closeAllConnections();
    },
  };
}

function pass(server: string, request: http.IncomingMessage, response: http.ServerResponse): void {
  const { hostname, port, host, origin } = new URL(server);
  const headers = { ...request.headers, host, ...(request.headers.origin ? { origin } : {}) };
  const back = http.request(
    { hostname, port, method: request.method, path: request.url, headers },
    (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      // Of a stream the head alone says something: that there is nothing new.
      response.flushHeaders();
      answer.pipe(response);
    },
  );
  back.on("error", () => response.destroy());
  request.pipe(back);
}
