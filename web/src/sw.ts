/** The service worker: keeps the shell for when the server is away, and leads a click on a notification to its place. */
// What is imported here is imported by nothing else: the worker is one file.
import { pageMessage } from "./lib/page-messages";
import { kindOf, linkedIn } from "./lib/shell-files";
import type { WorkerMessage } from "./lib/worker-messages";
import type { WorkerScope } from "./sw-scope";

declare const self: WorkerScope;

const CACHE = "shell-1";
const SHELL = "/";
/** A server that is slower than this is as good as away: the page is drawn from what is here. */
const PATIENCE = 800;
/** Files of older versions go when there are more than this. */
const FILES = 120;

self.addEventListener("install", (event) => {
  event.waitUntil(keepShell().then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener("message", (event) => {
  if (pageMessage(event.data) !== null) event.waitUntil(self.clients.claim());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  switch (kindOf(request, self.location.origin)) {
    case "place":
      event.respondWith(shell(event));
      break;
    case "hashed":
      event.respondWith(hashed(request));
      break;
    case "file":
      event.respondWith(file(request));
      break;
    case "other":
      // The server's, not ours: the API above all.
      break;
  }
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const data: unknown = event.notification.data;
  const href = typeof data === "object" && data !== null && "href" in data ? String(data.href) : SHELL;
  event.waitUntil(open(href));
});

/** A window that shows the place already, else any window, else a new one. */
async function open(wanted: string): Promise<void> {
  const { origin } = self.location;
  const { href, pathname } = new URL(placeOf(wanted, origin), origin);
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const there = windows.find((one) => new URL(one.url).pathname === pathname);
  const found = there ?? windows.find((one) => one.focused) ?? windows[0];
  if (found === undefined) {
    await self.clients.openWindow(href);
    return;
  }
  const message: WorkerMessage = { is: "open", href: href.slice(origin.length) };
  found.postMessage(message);
  await found.focus();
}

/** The place, if it is one of this page. */
function placeOf(wanted: string, origin: string): string {
  const { href } = new URL(wanted, origin);
  return kindOf({ method: "GET", url: href, mode: "navigate" }, origin) === "place" ? href : SHELL;
}

/** Every place of the page is the same shell: the server's, or the kept one when the server is away. */
async function shell(event: {
  readonly request: Request;
  waitUntil(work: Promise<unknown>): void;
}): Promise<Response> {
  const fresh = fetch(event.request).then(async (answer) => {
    if (isShell(answer)) await keep(SHELL, answer.clone());
    return answer;
  });
  event.waitUntil(fresh.catch(() => undefined));
  const kept = await (await caches.open(CACHE)).match(SHELL);
  if (kept === undefined) return fresh;
  const late = new Promise<Response>((resolve) => setTimeout(() => resolve(kept), PATIENCE));
  return Promise.race([fresh.then((answer) => (answer.status < 500 ? answer : kept)), late]).catch(
    () => kept,
  );
}

/** Files with a hash in their name never change. */
async function hashed(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request);
  if (kept !== undefined) return kept;
  const answer = await fetch(request);
  if (answer.ok) {
    await keep(request, answer.clone());
    await forgetOld(cache);
  }
  return answer;
}

async function file(request: Request): Promise<Response> {
  try {
    const answer = await fetch(request);
    if (answer.ok) await keep(request, answer.clone());
    return answer;
  } catch (reason) {
    const kept = await (await caches.open(CACHE)).match(request);
    if (kept !== undefined) return kept;
    throw reason;
  }
}

/** The shell, what it links to, and all pages, so that the first visit is enough to start without the server. */
async function keepShell(): Promise<void> {
  const answer = await fetch(SHELL);
  if (!isShell(answer)) return;
  const cache = await caches.open(CACHE);
  const html = await answer.clone().text();
  await cache.put(SHELL, answer);
  const paths = new Set([...linkedIn(html), ...(await pages())]);
  await Promise.all(
    [...paths].map((path) =>
      // What is missing now is kept when it is met.
      cache.add(path).catch(() => undefined),
    ),
  );
}

/** The files of all pages, as the build wrote them down. */
async function pages(): Promise<readonly string[]> {
  const answer = await fetch("/pages.json").catch(() => null);
  const listed: unknown = answer?.ok ? await answer.json().catch(() => null) : null;
  return Array.isArray(listed) ? listed.filter((path): path is string => typeof path === "string") : [];
}

async function keep(what: Request | string, answer: Response): Promise<void> {
  try {
    await (await caches.open(CACHE)).put(what, answer);
  } catch {
    // A full disk is no reason not to show the page.
  }
}

async function forgetOld(cache: Cache): Promise<void> {
  const files = (await cache.keys()).filter((one) => new URL(one.url).pathname.startsWith("/assets/"));
  await Promise.all(files.slice(0, Math.max(0, files.length - FILES)).map((one) => cache.delete(one)));
}

function isShell(answer: Response): boolean {
  return (
    answer.ok && !answer.redirected && (answer.headers.get("content-type") ?? "").startsWith("text/html")
  );
}
