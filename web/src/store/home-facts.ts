/** What decides where a session stands at Home: its section, its place in it, and the text that a filter looks at. */
import type { Created } from "./overlay";
import type { Session } from "./types";

export const sections = ["needs_you", "working", "idle", "stopped", "archived"] as const;
export type Section = (typeof sections)[number];

/** What is worked out of a session once, for as long as it is the same object. */
export type Facts = {
  readonly section: Section;
  /** Smaller is further up: by what it needs, then by time. */
  readonly prompt: number;
  readonly activity: number;
  readonly text: string;
  readonly project: string;
};

export function sectionOf(session: Session): Section {
  return placeOf(session).section;
}

export function factsOf(session: Session): Facts {
  const { workspace, cwd, title, agent, branch, id } = session;
  const project = workspace?.worktree_of ?? workspace?.root ?? cwd;
  const { section, rank } = placeOf(session);
  return {
    section,
    prompt: further(rank, Date.parse(session.last_prompt_at ?? session.created_at)),
    activity: further(rank, Date.parse(session.updated_at)),
    text: [title, cwd, project, agent, branch ?? "", id].join("\n").toLowerCase(),
    project,
  };
}

export function createdFacts({ title, agent, cwd, at }: Created): Facts {
  const text = [title, cwd, agent].join("\n").toLowerCase();
  return { section: "working", prompt: further(3, at), activity: further(3, at), text, project: cwd };
}

/** One number for rank and time; milliseconds are far below what parts two ranks. */
function further(rank: number, ms: number): number {
  return rank * 1e14 - ms;
}

/** Where a session stands, by the server's word: whoever needs somebody first, then what failed, what works, what rests. */
function placeOf({ badge, archived }: Session): { section: Section; rank: number } {
  const word: string = badge;
  if (word === "needs-you" || word === "waiting-for-auth") return { section: "needs_you", rank: 1 };
  if (archived) return { section: "archived", rank: 5 };
  switch (word) {
    case "failed":
      return { section: "stopped", rank: 2 };
    case "hung":
    case "unhealthy":
      return { section: "working", rank: 2 };
    case "running":
    case "pending":
      return { section: "working", rank: 3 };
    case "idle":
    case "hibernated":
      return { section: "idle", rank: 4 };
    default:
      return { section: "stopped", rank: 5 };
  }
}
