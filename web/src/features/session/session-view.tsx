/** One session: its head, its tabs, and the tab that is chosen. */
import { useCallback, useEffect } from "react";
import { useNav, type SessionTab } from "@/bind/nav";
import { useSelect, useStore } from "@/bind/store";
import type { State } from "@/store/state";
import { withPending } from "@/store/overlay";
import { Talk } from "./talk";

export type SessionViewProps = {
  readonly id: string;
  readonly tab: SessionTab;
  /** The event that the address leads to. */
  readonly at: number | null;
  /** Closes it where it stands beside another one. */
  readonly onClose?: () => void;
};

export function SessionView({ id }: SessionViewProps) {
  const store = useStore();
  const nav = useNav();
  useEffect(() => {
    store.put({ is: "opened", session: id });
    return () => store.put({ is: "closed", session: id });
  }, [store, id]);
  const session = useSelect(
    useCallback(
      (state: State) => {
        const held = state.list.sessions.get(id);
        return held ? withPending(held, state.pending) : null;
      },
      [id],
    ),
  );
  if (session === null) return <p className="p-4">{nav.href({ to: "session", id })}</p>;
  return (
    <section aria-labelledby={`title-${id}`} className="flex min-h-0 min-w-0 flex-1 flex-col">
      <header className="flex items-center gap-3 border-b border-line px-3 py-2">
        <h1 id={`title-${id}`} className="truncate font-semibold">
          {session.title}
        </h1>
        <span className="text-3">{session.badge}</span>
      </header>
      <Talk session={session} />
    </section>
  );
}
