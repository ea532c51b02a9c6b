/** How much of the connection's state is worth a word, as time passes: nothing for the first moments, then one steady word, then a bar. */
import type { State } from "@/store/state";

/** After so many milliseconds without the server the word shows, and after so many the bar. */
const WORD_MS = 1_500;
const BAR_MS = 30_000;
/** For so long it is said that all is well again. */
const BACK_MS = 2_000;

export type Stage =
  /** Nobody was heard yet, and it is too early to say anything. */
  | { readonly is: "quiet" }
  | { readonly is: "live" }
  | { readonly is: "back"; readonly count: number }
  | { readonly is: "reconnecting" }
  /** `since` is when what is seen was last true. */
  | { readonly is: "lost"; readonly since: number };

export type Told = Pick<State, "link" | "saved_at" | "version">;

export function stageOf({ link, saved_at, version }: Told, now: number): Stage {
  switch (link.is) {
    case "closed":
    case "refused":
      return { is: "quiet" };
    case "live": {
      const { since, caught_up, away = 0 } = link;
      const back = away >= WORD_MS && caught_up > 0 && now - since < BACK_MS;
      return back ? { is: "back", count: caught_up } : { is: "live" };
    }
    case "connecting":
    case "catching_up":
    case "waiting": {
      const away = now - link.since;
      if (away < WORD_MS) return { is: version === null ? "quiet" : "live" };
      // A page that begins with this browser's copy says at once how old that is.
      const lost = link.is !== "catching_up" && (away >= BAR_MS || saved_at !== null);
      return lost ? { is: "lost", since: saved_at ?? link.since } : { is: "reconnecting" };
    }
  }
}

/** Whether the stage changes with time alone. */
export function isMoving({ link }: Told, now: number): boolean {
  if (link.is === "closed" || link.is === "refused") return false;
  return link.is !== "live" || now - link.since < BACK_MS;
}
