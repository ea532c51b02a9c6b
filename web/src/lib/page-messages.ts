/** What a page asks of the service worker: to be in its charge. */
export type PageMessage = { readonly is: "claim" };

/** Reads a message of a page; whatever else comes is null. */
export function pageMessage(data: unknown): PageMessage | null {
  return typeof data === "object" && data !== null && "is" in data && data.is === "claim"
    ? { is: "claim" }
    : null;
}
