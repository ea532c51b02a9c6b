/** Where a link in a text leads, judged before anything is opened. */
export type Address =
  | { readonly is: "outside"; readonly url: string; readonly host: string }
  | { readonly is: "path"; readonly path: string; readonly line: number | null }
  | { readonly is: "nowhere" }
  | { readonly is: "refused"; readonly url: string };

const opened = new Set(["http:", "https:", "mailto:"]);

export function addressOf(href: string): Address {
  const trimmed = href.trim();
  if (trimmed === "" || trimmed.startsWith("#")) return { is: "nowhere" };
  if (trimmed.startsWith("//")) return addressOf(`https:${trimmed}`);
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(trimmed)?.[1]?.toLowerCase();
  if (scheme === "file") return pathOf(trimmed.replace(/^file:(\/\/[^/]*)?/i, ""));
  // A colon before a number is a line, not a scheme: main.rs:12.
  if (scheme === undefined || /^[^/]*:\d+(:\d+)?$/.test(trimmed)) return pathOf(trimmed);
  // A drive of Windows.
  if (scheme.length === 1) return pathOf(trimmed);
  let url: URL;
  try {
    url = new URL(trimmed);
  } catch {
    return { is: "refused", url: trimmed };
  }
  if (!opened.has(url.protocol)) return { is: "refused", url: trimmed };
  return { is: "outside", url: url.href, host: url.protocol === "mailto:" ? url.pathname : url.host };
}

function pathOf(href: string): Address {
  const [, path = href, colon, hash] = /^(.*?)(?::(\d+)(?::\d+)?|#L(\d+)(?:-L?\d+)?)?$/.exec(href) ?? [];
  const line = colon ?? hash;
  return { is: "path", path: decoded(path), line: line === undefined ? null : Number(line) };
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** Whether the text of a link names another place than the one it leads to. */
export function disguised(text: string, url: string): boolean {
  const named =
    /^\s*(?:https?:\/\/)?(?:[^\s/@]*@)?([a-z0-9-]+(?:\.[a-z0-9-]+)+)(?::\d+)?(?:[/?#].*)?\s*$/i.exec(
      text,
    )?.[1];
  if (named === undefined) return false;
  // "main.rs" is a file, "notes.md" too: only what is written as an address or ends like a host is one.
  if (
    !/^\s*https?:/i.test(text) &&
    !/\.(com|org|net|io|dev|app|co|gov|edu|info|ai|uk|de|fr|eu|ch)$/i.test(named)
  )
    return false;
  try {
    const host = new URL(url).hostname.replace(/^www\./, "");
    return host !== named.toLowerCase().replace(/^www\./, "");
  } catch {
    return true;
  }
}
