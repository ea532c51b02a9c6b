/** Each state that is shown: its tone, its glyph and its word. A state that is not here is shown as unknown, never guessed. */
import type { Session } from "@/api/gen";
import type { Key } from "@/i18n";

export type Tone = "attention" | "bad" | "warn" | "busy" | "good" | "quiet";
export type Glyph =
  | "diamond"
  | "key"
  | "crossed-square"
  | "triangle"
  | "triangle-outline"
  | "disc"
  | "dotted-ring"
  | "ring"
  | "moon"
  | "barred-ring"
  | "box"
  | "asked-ring";

type Look = {
  readonly tone: Tone;
  readonly glyph: Glyph;
  readonly word: Key;
  /** What moves slowly, and what steps back. */
  readonly manner: "still" | "pulse" | "dim";
};

/** What the server's badge says, and what its state and its facts add to it. */
export type BadgeName =
  Session["badge"] | "hibernated" | "hung" | "unhealthy" | "starting" | "stopping" | "archived" | "unknown";

export const badges = {
  "needs-you": { tone: "attention", glyph: "diamond", word: "shared.badge.needs_you", manner: "still" },
  "waiting-for-auth": { tone: "attention", glyph: "key", word: "shared.badge.sign_in", manner: "still" },
  failed: { tone: "bad", glyph: "crossed-square", word: "shared.badge.failed", manner: "still" },
  hung: { tone: "warn", glyph: "triangle", word: "shared.badge.hung", manner: "still" },
  unhealthy: { tone: "warn", glyph: "triangle-outline", word: "shared.badge.unhealthy", manner: "still" },
  running: { tone: "busy", glyph: "disc", word: "shared.badge.running", manner: "pulse" },
  starting: { tone: "busy", glyph: "disc", word: "shared.badge.starting", manner: "pulse" },
  stopping: { tone: "busy", glyph: "disc", word: "shared.badge.stopping", manner: "pulse" },
  pending: { tone: "quiet", glyph: "dotted-ring", word: "shared.badge.pending", manner: "still" },
  idle: { tone: "quiet", glyph: "ring", word: "shared.badge.idle", manner: "still" },
  hibernated: { tone: "quiet", glyph: "moon", word: "shared.badge.hibernated", manner: "still" },
  stopped: { tone: "quiet", glyph: "barred-ring", word: "shared.badge.stopped", manner: "dim" },
  archived: { tone: "quiet", glyph: "box", word: "shared.badge.archived", manner: "dim" },
  unknown: { tone: "quiet", glyph: "asked-ring", word: "shared.badge.unknown", manner: "still" },
} as const satisfies Record<BadgeName, Look>;

export type Shown =
  { readonly name: Exclude<BadgeName, "unknown"> } | { readonly name: "unknown"; readonly token: string };

/** What to show of a session. Who is needed comes first, also when it is put away. */
export function shownBadge(session: {
  readonly badge: string;
  readonly state?: string;
  readonly archived?: boolean;
}): Shown {
  const name = known(session.badge);
  if (name === null) return { name: "unknown", token: session.badge };
  if (name === "needs-you" || name === "waiting-for-auth") return { name };
  if (session.archived === true) return { name: "archived" };
  if (name !== "running") return { name };
  if (session.state === "starting" || session.state === "stopping") return { name: session.state };
  return { name };
}

function known(token: string): Exclude<BadgeName, "unknown"> | null {
  return isName(token) && token !== "unknown" ? token : null;
}

function isName(token: string): token is BadgeName {
  return Object.hasOwn(badges, token);
}
