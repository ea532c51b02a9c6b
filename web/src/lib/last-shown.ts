/** Which session this tab showed last: where somebody wants another one beside it. */
const KEY = "convene.shown";

export function lastShown(): string | null {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

export function keepShown(session: string): void {
  try {
    sessionStorage.setItem(KEY, session);
  } catch {
    // Where nothing may be kept the next one is opened alone.
  }
}
