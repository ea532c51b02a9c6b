/** Which requests the service worker may answer: the shell and its files. Everything else is the server's own. */
export type Kind = "place" | "hashed" | "file" | "other";

type Asked = { readonly method: string; readonly url: string; readonly mode: string };

/** What the server answers itself, also when a person types it as an address. */
const server = /^\/(v1|healthz|readyz|metrics|openapi\.json|docs|auth)(\/|$)/;
const own = /^\/(boot\.js|manifest\.webmanifest|(favicon|icon|badge)-[\w-]+\.(svg|png))$/;

export function kindOf(request: Asked, origin: string): Kind {
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== origin || server.test(url.pathname)) return "other";
  if (url.pathname.startsWith("/assets/")) return "hashed";
  if (own.test(url.pathname)) return "file";
  // A name with a dot is a file that we do not know.
  return request.mode === "navigate" && !/\.\w+$/.test(url.pathname) ? "place" : "other";
}

/** The files that the shell's HTML links to. */
export function linkedIn(html: string): readonly string[] {
  const found = [...html.matchAll(/\s(?:src|href)="(\/[^"/][^"]*)"/g)].map((match) => match[1] ?? "");
  return [...new Set(found)];
}
