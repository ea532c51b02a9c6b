/** What comes over the wire, told apart by its envelope. Whatever is inside is the server's word. */
import type { Event, ListFrame, Problem } from "@/store/types";
import { isProblem } from "@/api/problem";

export type Received =
  | { readonly is: "hello"; readonly version: string; readonly epoch: number }
  | { readonly is: "caught_up"; readonly topic: string; readonly after: number }
  | { readonly is: "pong" }
  | { readonly is: "problem"; readonly topic: string | null; readonly problem: Problem }
  | { readonly is: "event"; readonly session: string; readonly event: Event }
  | { readonly is: "frame"; readonly frame: ListFrame }
  /** Of a newer server, and nothing that this page lives on. */
  | { readonly is: "other" };

/** Reads one message; `null` if it is none. */
export function received(text: string): Received | null {
  const message = parsed(text);
  if (!isRecord(message)) return null;
  if (typeof message.topic === "string" && "event" in message) {
    return isEvent(message.event) ? { is: "event", session: message.topic, event: message.event } : null;
  }
  switch (message.type) {
    case "hello":
      if (typeof message.version !== "string" || typeof message.epoch !== "number") return null;
      return { is: "hello", version: message.version, epoch: message.epoch };
    case "caught_up":
      if (typeof message.topic !== "string" || typeof message.after !== "number") return null;
      return { is: "caught_up", topic: message.topic, after: message.after };
    case "pong":
      return { is: "pong" };
    case "problem":
      if (!isProblem(message.problem)) return null;
      return {
        is: "problem",
        topic: typeof message.topic === "string" ? message.topic : null,
        problem: message.problem,
      };
    default:
      if (isFrame(message)) return { is: "frame", frame: message };
      // What has a place in the log has to be understood at least so far.
      return typeof message.type === "string" && !("pos" in message) ? { is: "other" } : null;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

export function isEvent(value: unknown): value is Event {
  return isRecord(value) && typeof value.seq === "number" && typeof value.type === "string";
}

/** Also one of a type that this page does not know: its position counts. */
export function isFrame(value: unknown): value is ListFrame {
  return (
    isRecord(value) && typeof value.pos === "number" && typeof value.type === "string" && isRecord(value.data)
  );
}
