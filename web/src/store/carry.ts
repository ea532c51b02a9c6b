/** What is carried over when events of a log are let go, or older ones come before those that are held. */
import { isFinal, type Item } from "./items";
import { placeOf, type Transcript } from "./transcript";
import type { TurnId } from "./types";

/** What of a transcript may still change or is still needed, once the events that it was made from are let go. */
export function unfinished(transcript: Transcript): Transcript {
  const { turns, queue, plan, open } = transcript;
  const isOn = (turn: TurnId | null) => turn !== null && turns.get(turn)?.ended === null;
  const items = transcript.items.filter((item) => {
    switch (item.kind) {
      case "prompt":
        return item.state === "queued" || (item.state === "started" && isOn(item.turn));
      case "message":
        return open.includes(item.id);
      case "tool":
        return isOn(item.turn) && !isFinal(item.call);
      case "permission":
        return item.decided === null && isOn(item.turn);
      case "question":
        return item.answered === null && isOn(item.turn);
      case "plan":
      case "note":
      case "unknown":
        return false;
    }
  });
  const kept = new Set([...queue, ...items.map((item) => item.turn)]);
  const still = new Map([...turns].filter(([turn, record]) => record.ended === null && kept.has(turn)));
  return { items, places: placesOf(items), open, turns: still, queue, plan };
}

/** What of it began before an event, in a way that allows to add the events from there on again. */
export function begunBefore(transcript: Transcript, seq: number): Transcript {
  // The pieces of a message would be added twice; all else takes the same change again.
  const items = transcript.items.filter((item) => item.seq < seq && item.kind !== "message");
  const turns = new Map([...transcript.turns].filter(([, record]) => record.seq < seq));
  const queue = transcript.queue.filter((turn) => turns.has(turn));
  return { items, places: placesOf(items), open: [], turns, queue, plan: [] };
}

/** A transcript without what came before an event and is over: as if the events from there on were added to `base`. */
export function withoutBefore(transcript: Transcript, seq: number, base: Transcript): Transcript {
  const carried = new Set(base.items.map((item) => item.id));
  const items = transcript.items.filter((item) => item.seq >= seq || carried.has(item.id));
  const turns = new Map([...transcript.turns].filter(([id, turn]) => turn.seq >= seq || base.turns.has(id)));
  return { ...transcript, items, places: placesOf(items), turns };
}

/** The same transcript, with what was there before and did not change as the same objects. */
export function keeping(held: Transcript, next: Transcript): Transcript {
  const items = next.items.map((item) => {
    const place = placeOf(held, item.id);
    const same = place === null ? undefined : held.items[place];
    return same && same.seq === item.seq && same.version === item.version ? same : item;
  });
  return { ...next, items };
}

function placesOf(items: readonly Item[]): Map<string, number> {
  return new Map(items.map((item, place) => [item.id, place]));
}
