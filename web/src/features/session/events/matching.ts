/** Which events somebody wants to see. */
import type { Event } from "@/store/types";

/** Those of a type, if one is given, whose text holds all words; letters of either case alike. */
export function matching(events: readonly Event[], type: string, text: string): readonly Event[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (type === "" && words.length === 0) return events;
  return events.filter((event) => {
    if (type !== "" && event.type !== type) return false;
    if (words.length === 0) return true;
    const json = jsonOf(event).toLowerCase();
    return words.every((word) => json.includes(word));
  });
}

/** The types that there are, in alphabetical order. */
export function typesOf(events: readonly Event[]): readonly string[] {
  return [...new Set(events.map((event) => event.type))].sort();
}

const written = new WeakMap<Event, string>();

/** An event as it is stored; put together once. */
export function jsonOf(event: Event): string {
  let json = written.get(event);
  if (json === undefined) {
    json = JSON.stringify(event);
    written.set(event, json);
  }
  return json;
}

/** What tells an event from others of its type, in a line. */
export function gist(event: Event): string {
  const { session, seq, pos, at, type, turn, attempt, command, ...rest } = event as Event &
    Record<string, unknown>;
  void [session, seq, pos, at, type, turn, attempt, command];
  const json = JSON.stringify(rest);
  return json === "{}" ? "" : json.slice(0, 300);
}
