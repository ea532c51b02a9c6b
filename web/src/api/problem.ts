/** What went wrong, as the server tells it (RFC 9457), and in the same shape what goes wrong on the way. */

export type Problem = {
  /** From the server's closed list, or one of ours below. */
  readonly code: string;
  readonly detail?: string;
  readonly hint?: string;
  readonly status?: number;
  readonly title?: string;
};

/** No server said anything. */
export const UNREACHABLE = "unreachable";
/** What answered is not our server, or not one that we understand. */
export const BAD_ANSWER = "bad_answer";

export type Answer<T> =
  { readonly ok: true; readonly data: T } | { readonly ok: false; readonly problem: Problem };

export function isProblem(value: unknown): value is Problem {
  return typeof value === "object" && value !== null && "code" in value && typeof value.code === "string";
}

/** A fact that the server put beside the sentence, such as `field`. */
export function fact(problem: Problem, name: string): string | null {
  const value: unknown = Object.entries(problem).find(([key]) => key === name)?.[1];
  return typeof value === "string" ? value : null;
}
