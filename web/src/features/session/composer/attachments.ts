/** Text that is too long for the field goes beside it. */
import type { ContentBlock, Session } from "@/store/types";

export type Attachment = { readonly id: number; readonly name: string; readonly text: string };

/** From here on pasted text is an attachment: the field stays quick. */
export const LONG_PASTE = 8_000;
/** What a server takes in one message, in bytes of its JSON, if its config says nothing else. */
export const MOST = 1_000_000;

/** How much a message is on its way. */
export function bytesOf(content: readonly ContentBlock[]): number {
  return new Blob([JSON.stringify(content)]).size;
}

/** What is sent: the words, and each attachment as the agent can take it. */
export function contentOf(
  text: string,
  attachments: readonly Attachment[],
  embeds: "resource" | "text",
): readonly ContentBlock[] {
  const words: ContentBlock[] = text.trim() === "" ? [] : [{ type: "text", text }];
  return [...words, ...attachments.map((one) => blockOf(one, embeds))];
}

function blockOf({ name, text }: Attachment, embeds: "resource" | "text"): ContentBlock {
  if (embeds === "text") return { type: "text", text };
  const uri = `file:///pasted/${encodeURIComponent(name)}.txt`;
  return { type: "resource", resource: { uri, mimeType: "text/plain", text } };
}

/** Whether the agent has said that it takes attached texts as such. */
export function embedsOf({ capabilities }: Pick<Session, "capabilities">): "resource" | "text" {
  const prompt = capabilities?.promptCapabilities;
  if (typeof prompt !== "object" || prompt === null) return "text";
  return "embeddedContext" in prompt && prompt.embeddedContext === true ? "resource" : "text";
}
