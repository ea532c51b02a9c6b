/** What the service worker tells a page. */
export type WorkerMessage = { readonly is: "open"; readonly href: string };

/** Reads a message of the worker; whatever else comes is null. */
export function workerMessage(data: unknown): WorkerMessage | null {
  if (typeof data !== "object" || data === null || !("is" in data) || !("href" in data)) return null;
  return data.is === "open" && isPlace(data.href) ? { is: "open", href: data.href } : null;
}

/** Whether it is a place of this page: a path, and no other server's. */
export function isPlace(href: unknown): href is string {
  return typeof href === "string" && /^\/(?![/\\])/.test(href);
}
