/** Up to where this session was looked at in this browser: for the line above what is new, and for the list. */
import { useEffect, useRef, useState } from "react";
import { useStore } from "@/bind/store";

export type Seen = {
  /** What came after this event is new; `null`: nothing was seen before. */
  readonly line: number | null;
  /** The end is in sight: all up to an event is seen, as long as the page is. */
  readonly look: (seq: number) => void;
};

export function useSeen(session: string): Seen {
  const store = useStore();
  const [line, setLine] = useState<number | null>(() => store.get().seen.get(session) ?? null);
  const upTo = useRef(0);
  const hidden = useRef(document.hidden);
  useEffect(() => {
    const changed = () => {
      // Who comes back to the page finds the line where it was left.
      if (document.hidden) setLine(store.get().seen.get(session) ?? null);
      else if (upTo.current > 0) store.put({ is: "seen", session, seq: upTo.current });
      hidden.current = document.hidden;
    };
    document.addEventListener("visibilitychange", changed);
    return () => document.removeEventListener("visibilitychange", changed);
  }, [session, store]);
  useEffect(() => {
    if (!hidden.current && upTo.current > (store.get().seen.get(session) ?? 0)) {
      store.put({ is: "seen", session, seq: upTo.current });
    }
  });
  return {
    line,
    look: (seq) => {
      upTo.current = seq;
    },
  };
}
