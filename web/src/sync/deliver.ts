/** What was received as what the store takes: runs of frames and of events of one session go in together. */
import type { Input } from "@/store/fold";
import type { Event, ListFrame } from "@/store/types";
import type { Received } from "./wire";

/** What the connection itself has to look at, in its place between what the store takes. */
export type Control = Exclude<Received, { is: "frame" | "event" | "other" }>;
export type Delivery = {
  readonly inputs: readonly Input[];
  /** How many frames and events that are. */
  readonly told: number;
  readonly then: Control | null;
};

export function deliveries(messages: readonly Received[]): readonly Delivery[] {
  const made: Delivery[] = [];
  let inputs: Input[] = [];
  let frames: ListFrame[] = [];
  let session = "";
  let events: Event[] = [];
  let told = 0;
  const close = () => {
    told += frames.length + events.length;
    if (frames.length > 0) inputs.push({ is: "frames", frames });
    if (events.length > 0) inputs.push({ is: "events", session, events });
    frames = [];
    events = [];
  };
  for (const message of messages) {
    switch (message.is) {
      case "frame":
        if (events.length > 0) close();
        frames.push(message.frame);
        break;
      case "event":
        if (frames.length > 0 || session !== message.session) close();
        session = message.session;
        events.push(message.event);
        break;
      case "other":
        break;
      default:
        close();
        made.push({ inputs, told, then: message });
        inputs = [];
        told = 0;
    }
  }
  close();
  if (inputs.length > 0) made.push({ inputs, told, then: null });
  return made;
}
