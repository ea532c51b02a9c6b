/** The tabs of this page in one browser: what they tell each other, and which of them speaks for all. */
import { asDraft, type Draft } from "./drafts";

const CHANNEL = "convene";
const LOCK = "convene.speaks";

export type Told =
  | { readonly is: "seen"; readonly session: string; readonly seq: number }
  | { readonly is: "notified"; readonly pos: number }
  | { readonly is: "draft"; readonly of: string; readonly draft: Draft | null }
  /** Which session somebody looks at in a tab; `null` if none, or if the tab is not in front. */
  | { readonly is: "looks"; readonly tab: string; readonly session: string | null };

export type Tabs = {
  readonly tell: (told: Told) => void;
  readonly listen: (then: (told: Told) => void) => () => void;
  /** Whether this tab is the one that notifies. Where a browser cannot pick one, each is. */
  readonly speaks: () => boolean;
};

export function newTabs(): Tabs {
  const listeners = new Set<(told: Told) => void>();
  const channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel(CHANNEL);
  // In Node a channel keeps the process alive.
  if (channel && "unref" in channel && typeof channel.unref === "function") channel.unref();
  channel?.addEventListener("message", (message: MessageEvent<unknown>) => {
    const told = asTold(message.data);
    if (told) for (const listener of listeners) listener(told);
  });
  // There are no locks on plain HTTP beyond this machine; nor are there notifications.
  const locks = typeof navigator === "undefined" ? undefined : (navigator.locks as LockManager | undefined);
  let speaks = locks === undefined;
  void locks
    ?.request(LOCK, () => {
      speaks = true;
      return new Promise(() => undefined);
    })
    .catch(() => {
      speaks = true;
    });
  return {
    tell: (told) => channel?.postMessage(told),
    listen: (then) => {
      listeners.add(then);
      return () => listeners.delete(then);
    },
    speaks: () => speaks,
  };
}

/** Another tab may be of another version. */
function asTold(value: unknown): Told | null {
  if (typeof value !== "object" || value === null || !("is" in value)) return null;
  const { is } = value;
  const text = (name: string) => {
    const found: unknown = Object.entries(value).find(([key]) => key === name)?.[1];
    return typeof found === "string" ? found : null;
  };
  const number = (name: string) => {
    const found: unknown = Object.entries(value).find(([key]) => key === name)?.[1];
    return typeof found === "number" ? found : null;
  };
  const [session, tab, of, seq, pos] = [
    text("session"),
    text("tab"),
    text("of"),
    number("seq"),
    number("pos"),
  ];
  if (is === "seen" && session !== null && seq !== null) return { is, session, seq };
  if (is === "notified" && pos !== null) return { is, pos };
  if (is === "draft" && of !== null) return { is, of, draft: "draft" in value ? asDraft(value.draft) : null };
  if (is === "looks" && tab !== null) return { is, tab, session };
  return null;
}
