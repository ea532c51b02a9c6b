/** Where the transcript stands: it follows the end, somebody reads, or it is on its way somewhere. Pure: the feed tells what happened. */

export type Scroll =
  | { readonly mode: "following" }
  /** `left` is the last event that was there when the end was left. */
  | { readonly mode: "reading"; readonly left: number }
  | { readonly mode: "jumping"; readonly to: Goal; readonly left: number };

/** The end, or a row, by its id or by an event in it, with the distance of its top from the upper edge. */
export type Goal =
  | { readonly is: "end" }
  | { readonly is: "row"; readonly id: string | null; readonly seq: number; readonly top: number };

export type Moved =
  /** The view moved by `by` pixels (up is negative) and is `gap` above the end. */
  | {
      readonly is: "scrolled";
      readonly by: number;
      readonly gap: number;
      readonly who: "person" | "page";
      readonly last: number;
    }
  /** A person wants to go up, and it is not known how far yet: a wheel, a key. */
  | { readonly is: "up"; readonly last: number }
  | { readonly is: "selected"; readonly last: number }
  /** Something was opened or closed; what was clicked shall stay where it is. */
  | { readonly is: "folded"; readonly last: number }
  /** End, "Jump to latest", or a prompt that was sent. */
  | { readonly is: "to_end"; readonly last: number }
  | {
      readonly is: "to_row";
      readonly id: string | null;
      readonly seq: number;
      readonly top: number;
      readonly last: number;
    }
  /** The goal is reached, or it is not there. */
  | { readonly is: "arrived"; readonly last: number };

type WithoutLast<T> = T extends unknown ? Omit<T, "last"> : never;
/** The same without the last event that is there, which the feed adds. */
export type MovedHere = WithoutLast<Moved>;

/** Within so many pixels of the end somebody who comes down is there. */
export const NEAR = 40;

export const following: Scroll = { mode: "following" };

export function scroll(state: Scroll, moved: Moved): Scroll {
  switch (moved.is) {
    case "scrolled":
      return scrolled(state, moved);
    case "up":
    case "selected":
    case "folded":
      return state.mode === "reading" ? state : { mode: "reading", left: leftAt(state, moved.last) };
    case "to_end":
      return { mode: "jumping", to: { is: "end" }, left: leftAt(state, moved.last) };
    case "to_row": {
      const { id, seq, top } = moved;
      const to: Goal = { is: "row", id, seq, top };
      return { mode: "jumping", to, left: leftAt(state, moved.last) };
    }
    case "arrived":
      if (state.mode !== "jumping") return state;
      return state.to.is === "end" ? following : { mode: "reading", left: state.left };
  }
}

function scrolled(state: Scroll, { by, gap, who, last }: Extract<Moved, { is: "scrolled" }>): Scroll {
  if (who === "page") return state;
  if (by < 0 && gap > 0)
    return state.mode === "reading" ? state : { mode: "reading", left: leftAt(state, last) };
  if (by > 0 && gap <= NEAR && state.mode !== "following") return following;
  return state;
}

/** What was new before stays new while somebody goes from place to place. */
function leftAt(state: Scroll, last: number): number {
  return state.mode === "following" ? last : state.left;
}

/** How the feed keeps its place: at the end, or at the line that is read. */
export function holdsEnd(state: Scroll): boolean {
  return state.mode === "following" || (state.mode === "jumping" && state.to.is === "end");
}
