/** Where somebody read in a session, for as long as this tab is open, also over a reload of it. */
export type Place = { readonly id: string; readonly seq: number; readonly top: number };

const PREFIX = "convene.place.";

export function keptPlace(session: string): Place | null {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(PREFIX + session) ?? "null");
    return isPlace(kept) ? kept : null;
  } catch {
    return null;
  }
}

/** `null`: at the end, where one is anyway. */
export function keepPlace(session: string, place: Place | null): void {
  try {
    if (place === null) sessionStorage.removeItem(PREFIX + session);
    else sessionStorage.setItem(PREFIX + session, JSON.stringify(place));
  } catch {
    // A browser that keeps nothing opens each session at its end.
  }
}

function isPlace(value: unknown): value is Place {
  return (
    typeof value === "object" &&
    value !== null &&
    "id" in value &&
    typeof value.id === "string" &&
    "seq" in value &&
    typeof value.seq === "number" &&
    "top" in value &&
    typeof value.top === "number"
  );
}
