/** A message that comes back into the composer: its words, the texts that went beside them, and what cannot be put there. */
import type { ContentBlock } from "@/store/types";

export type Returned = {
  readonly text: string;
  readonly files: readonly { readonly name: string; readonly text: string }[];
  /** Pictures and the like. */
  readonly others: number;
};

export function returned(content: readonly ContentBlock[]): Returned {
  const texts: string[] = [];
  const files: { name: string; text: string }[] = [];
  let others = 0;
  for (const block of content) {
    const file = fileOf(block);
    if (block.type === "text") texts.push(block.text);
    else if (file !== null) files.push(file);
    else others += 1;
  }
  return { text: texts.join("\n\n"), files, others };
}

function fileOf(block: ContentBlock): { name: string; text: string } | null {
  if (block.type !== "resource") return null;
  const { resource } = block;
  const text: unknown = "text" in resource ? resource.text : undefined;
  const uri: unknown = "uri" in resource ? resource.uri : undefined;
  if (typeof text !== "string" || typeof uri !== "string") return null;
  const last = uri.slice(uri.lastIndexOf("/") + 1).replace(/\.txt$/, "");
  return { name: decoded(last), text };
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
