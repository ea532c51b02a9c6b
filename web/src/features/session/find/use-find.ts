/** Finding in a session: what is looked for, what was found in the window and by the server, and which one is looked at. */
import { useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { searchOlder } from "@/bind/search";
import type { Problem } from "@/store/types";
import type { Row } from "@/store/rows";
import { firstFrom, hitsIn, hitsOf, newMemory, placeIn, stepped, type Hit } from "./hits";
import type { About } from "./row-text";

/** What the server found, for the text it was asked for. */
type Searched = {
  readonly q: string;
  readonly hits: readonly Hit[];
  readonly is: "searching" | "more" | "done";
  /** Where it goes on. */
  readonly before: number | null;
  readonly problem: Problem | null;
};

export type Find = {
  readonly text: string;
  readonly write: (text: string) => void;
  /** What the hits are of. */
  readonly q: string;
  readonly hits: readonly Hit[];
  /** The place of the one that is looked at; -1 if it is none. */
  readonly place: number;
  readonly step: (by: 1 | -1) => void;
  /** Whether there is more of the session than is held, and how far the server has looked at it. */
  readonly rest: "none" | "unsearched" | "searching" | "more" | "done";
  readonly problem: Problem | null;
  readonly searchRest: () => void;
};

type FindInput = {
  readonly session: string;
  readonly rows: readonly Row[];
  readonly window: { readonly first: number; readonly last: number; readonly live: boolean };
  readonly about: About;
  /** The first event in sight. */
  readonly inSight: () => number;
  readonly goTo: (hit: Hit) => void;
};

const noHits: readonly Hit[] = [];
/** So many are enough at once. */
const ENOUGH = 100;

export function useFind({ session, rows, window, about, inSight, goTo }: FindInput): Find {
  const [text, setText] = useState("");
  const q = useDeferredValue(text.trim());
  const [chosen, setChosen] = useState<Hit | null>(null);
  const [searched, setSearched] = useState<Searched | null>(null);
  const asking = useRef<AbortController | null>(null);
  useEffect(() => () => asking.current?.abort(), []);

  const held = useMemo(() => hitsIn(rows, q, about), [rows, q, about]);
  const { first, last, live } = window;
  const told = searched?.q === q ? searched : null;
  const [memory] = useState(newMemory);
  const far = told?.hits ?? noHits;
  const hits = useMemo(() => memory(q, far, held, { first, last }), [memory, q, far, held, first, last]);

  const go = useCallback(
    (hit: Hit | null) => {
      setChosen(hit);
      if (hit !== null) goTo(hit);
    },
    [goTo],
  );
  // Another text begins where somebody looks.
  const begun = useRef("");
  useEffect(() => {
    if (begun.current === q) return;
    begun.current = q;
    asking.current?.abort();
    go(firstFrom(hits, inSight()));
  }, [q, hits, go, inSight]);

  const place = placeIn(hits, chosen);
  const whole = first <= 1 && live;
  const rest = whole ? "none" : (told?.is ?? "unsearched");

  const searchRest = () => {
    if (q === "" || rest === "searching" || rest === "done") return;
    const control = new AbortController();
    asking.current?.abort();
    asking.current = control;
    // Of a window that is at the end only what is before it is not known.
    const begin: Searched = told ?? {
      q,
      hits: noHits,
      is: "more",
      before: live ? first : null,
      problem: null,
    };
    setSearched({ ...begin, is: "searching", problem: null });
    void searchOn(session, begin, control.signal).then((next) => {
      if (next === null) return;
      setSearched(next);
    });
  };
  return {
    text,
    write: setText,
    q,
    hits,
    place,
    step: (by) => go(stepped(hits, place, by)),
    rest,
    problem: told?.problem ?? null,
    searchRest,
  };
}

/** Page after page, until there is enough or no more. `null`: nobody wants it any longer. */
async function searchOn(session: string, from: Searched, signal: AbortSignal): Promise<Searched | null> {
  let { hits, before } = from;
  for (;;) {
    const got = await searchOlder(session, from.q, before, signal);
    if (signal.aborted) return null;
    if (!got.ok) return { ...from, hits, before, is: "more", problem: got.problem };
    hits = [...hits, ...hitsOf(got.data.items)];
    const next = got.data.next_cursor;
    if (next === null) return { ...from, hits, before: null, is: "done", problem: null };
    before = Number(next);
    if (hits.length - from.hits.length >= ENOUGH) return { ...from, hits, before, is: "more", problem: null };
  }
}
