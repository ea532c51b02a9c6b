/** What is said to a screen reader: at most one thing in two seconds, and what is urgent at once. */
export type Said = { readonly text: string; readonly turn: number };
export type Announcements = { readonly polite: Said; readonly assertive: Said };

const PAUSE = 2000;
/** Of what waits only this much is kept: news that is old is no news. */
const WAITING = 3;
const silence: Said = { text: "", turn: 0 };

/** Makes an announcer; the page has one, a test has its own. */
export function createAnnouncer(now: () => number = Date.now) {
  let state: Announcements = { polite: silence, assertive: silence };
  let waiting: readonly string[] = [];
  let last = -Infinity;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const watchers = new Set<() => void>();

  function say(kind: keyof Announcements, text: string): void {
    state = { ...state, [kind]: { text, turn: state[kind].turn + 1 } };
    for (const changed of watchers) changed();
  }

  function next(): void {
    timer = undefined;
    const [text, ...rest] = waiting;
    if (text === undefined) return;
    waiting = rest;
    last = now();
    say("polite", text);
    if (rest.length > 0) timer = setTimeout(next, PAUSE);
  }

  return {
    announce(text: string, kind: keyof Announcements = "polite"): void {
      if (kind === "assertive") return say("assertive", text);
      if (waiting.includes(text)) return;
      waiting = [...waiting, text].slice(-WAITING);
      const wait = last + PAUSE - now();
      if (timer === undefined && wait <= 0) next();
      else timer ??= setTimeout(next, wait);
    },
    now: (): Announcements => state,
    watch(changed: () => void): () => void {
      watchers.add(changed);
      return () => watchers.delete(changed);
    },
  };
}

export const announcer = createAnnouncer();
/** Says something politely; `assertive` only when the open session needs a person. */
export const announce = announcer.announce;
