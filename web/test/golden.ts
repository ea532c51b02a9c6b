/** Logs that are kept: those of the core, which folds them in Rust, and richer ones of our own (`golden/`). */
import type { Event, ListFrame, Session } from "@/store/types";

const ours = import.meta.glob<string>("./golden/*", { query: "?raw", import: "default", eager: true });
const theirs = import.meta.glob<string>("../../crates/core/tests/golden/*.jsonl", {
  query: "?raw",
  import: "default",
  eager: true,
});
const snapshots = import.meta.glob<string>("../../crates/core/tests/snapshots/golden__*.snap", {
  query: "?raw",
  import: "default",
  eager: true,
});

export type Golden = {
  readonly name: string;
  readonly events: readonly Event[];
  /** The session object as the server says it is at the end. */
  readonly session: Session | null;
};

/** A reply to a command of the real run, by the command's key. */
export type GoldenReply = { readonly key: string; readonly path: string; readonly session: Session | null };

export const golden: readonly Golden[] = [...logsIn(theirs, snapshotOf), ...logsIn(ours, sessionOf)];

export const realRun = goldenOf("real-run");
export const realFrames = lines(ours["./golden/real-run.frames.jsonl"]) as readonly ListFrame[];
export const realReplies = lines(ours["./golden/real-run.replies.jsonl"]) as readonly GoldenReply[];

export function goldenOf(name: string): Golden {
  const found = golden.find((log) => log.name === name);
  if (!found) throw new Error(`there is no golden log ${name}`);
  return found;
}

function logsIn(
  files: Readonly<Record<string, string>>,
  session: (name: string) => Session | null,
): Golden[] {
  return Object.entries(files).flatMap(([path, text]) => {
    const name = /\/([^/.]+)\.jsonl$/.exec(path)?.[1];
    return name === undefined
      ? []
      : [{ name, events: lines(text) as readonly Event[], session: session(name) }];
  });
}

function lines(text: string | undefined): readonly unknown[] {
  if (text === undefined) throw new Error("a golden file is missing");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as unknown);
}

function sessionOf(name: string): Session | null {
  const text = ours[`./golden/${name}.session.json`];
  return text === undefined ? null : (JSON.parse(text) as Session);
}

/** The core's snapshot of the same log: a head of two lines of dashes, then JSON. */
function snapshotOf(name: string): Session | null {
  const test = `golden__${name.replaceAll("-", "_")}_view.snap`;
  const text = Object.entries(snapshots).find(([path]) => path.endsWith(`/${test}`))?.[1];
  return text === undefined ? null : (JSON.parse(text.split(/^---$/m).slice(2).join("---")) as Session);
}
