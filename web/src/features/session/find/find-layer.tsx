/** Finding in the transcript that is shown: the bar, the marks, and the way to each place. */
import { useCallback, useEffect, useEffectEvent, useMemo, useRef, type RefObject } from "react";
import type { Row } from "@/store/rows";
import type { Folds } from "../transcript/folds";
import type { MovedHere, Scroll } from "../transcript/scroll";
import type { Window } from "../transcript/use-rows";
import { FindBar } from "./find-bar";
import type { Hit } from "./hits";
import { mark, offBy, unmark } from "./marks";
import { useFind } from "./use-find";

type FindLayerProps = {
  readonly session: string;
  readonly agent: string;
  readonly worker: string | null;
  readonly cwd: string;
  readonly rows: readonly Row[];
  readonly window: Window;
  readonly scroller: RefObject<HTMLDivElement | null>;
  readonly folds: Folds;
  readonly mode: Scroll["mode"];
  readonly move: (moved: MovedHere) => void;
  readonly asked: number;
  readonly onClose: () => void;
};

/** Below the upper edge, under the bar. */
const TOP = 96;
/** What is drawn later than that does not move the view any more. */
const PATIENCE_MS = 3_000;

export function FindLayer(props: FindLayerProps) {
  const { session, agent, worker, cwd, rows, window, scroller, folds, mode, move, asked, onClose } = props;
  const about = useMemo(() => ({ agent, worker, cwd, now: Date.now() }), [agent, worker, cwd]);
  /** Where to look closer once its row is there. */
  const sought = useRef<{ readonly hit: Hit; readonly until: number } | null>(null);
  const goTo = useCallback(
    (hit: Hit) => {
      for (const id of hit.opens) folds.set(id, true);
      sought.current = { hit, until: performance.now() + PATIENCE_MS };
      move({ is: "to_row", id: hit.id, seq: hit.seq, top: TOP });
    },
    [folds, move],
  );
  const inSight = useCallback(() => firstInSight(scroller.current), [scroller]);
  const find = useFind({ session, rows, window, about, inSight, goTo });
  const { q, hits, place } = find;
  const at = hits[place];

  // A place that the server told of became one in a row: that row is opened, too.
  const opened = useRef<Hit | undefined>(undefined);
  useEffect(() => {
    if (at === undefined || opened.current === at) return;
    if (sought.current !== null && sought.current.hit.id !== at.id) {
      sought.current = { hit: at, until: performance.now() + PATIENCE_MS };
      for (const id of at.opens) folds.set(id, true);
    }
    opened.current = at;
  }, [at, folds]);

  const frame = useRef(0);
  const draw = useEffectEvent(() => {
    frame.current = 0;
    const box = scroller.current;
    if (box === null) return;
    mark(box, q, at === undefined ? null : { row: at.id, nth: at.nth });
    if (sought.current === null || mode === "jumping" || at === undefined) return;
    const off = offBy(box, q, at.id, at.nth);
    if (off !== null || performance.now() > sought.current.until) sought.current = null;
    if (off !== null) box.scrollTop += off;
  });
  useEffect(() => {
    const box = scroller.current;
    if (box === null) return;
    const later = () => {
      frame.current ||= requestAnimationFrame(() => draw());
    };
    const watch = new MutationObserver(later);
    watch.observe(box, { childList: true, subtree: true, characterData: true });
    return () => {
      watch.disconnect();
      cancelAnimationFrame(frame.current);
      frame.current = 0;
    };
  }, [scroller]);
  // What is looked for, or where the view is, may have changed without any change in the rows.
  useEffect(() => {
    frame.current ||= requestAnimationFrame(() => draw());
  });
  useEffect(() => unmark, []);
  const close = () => {
    onClose();
    scroller.current?.focus({ preventScroll: true });
  };
  return <FindBar find={find} asked={asked} onClose={close} />;
}

function firstInSight(box: HTMLElement | null): number {
  if (box === null) return 0;
  const edge = box.getBoundingClientRect().top;
  for (const row of box.querySelectorAll<HTMLElement>("article[data-seq]")) {
    if (row.getBoundingClientRect().bottom > edge) return Number(row.dataset.seq);
  }
  return 0;
}
