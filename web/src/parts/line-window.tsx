/** Many lines, of which only those in sight are in the page. They are of one height and do not wrap. */
import { useLayoutEffect, useRef, useState, type ReactNode } from "react";

type LineWindowProps = {
  readonly count: number;
  readonly line: (index: number) => ReactNode;
  readonly label: string;
  readonly start?: "top" | "end";
};

/** Pixels; the class below gives each line this height. */
const HEIGHT = 20;
const BEYOND = 20;

export function LineWindow({ count, line, label, start = "top" }: LineWindowProps) {
  const ref = useRef<HTMLPreElement>(null);
  const [seen, setSeen] = useState({ from: 0, to: Math.min(count, 2 * BEYOND) });

  function look() {
    const box = ref.current;
    if (box === null) return;
    const from = Math.max(0, Math.floor(box.scrollTop / HEIGHT) - BEYOND);
    const to = Math.min(count, Math.ceil((box.scrollTop + box.clientHeight) / HEIGHT) + BEYOND);
    setSeen((before) => (before.from === from && before.to === to ? before : { from, to }));
  }

  useLayoutEffect(() => {
    if (start === "end") ref.current?.scrollTo({ top: ref.current.scrollHeight });
  }, [start]);
  useLayoutEffect(look, [count]);

  return (
    <pre
      ref={ref}
      tabIndex={0}
      aria-label={label}
      dir="ltr"
      onScroll={look}
      className="focus-inset max-h-[60dvh] overflow-auto py-2 font-mono"
    >
      <div className="relative w-max min-w-full" style={{ height: count * HEIGHT }}>
        <div className="absolute inset-x-0" style={{ top: seen.from * HEIGHT }}>
          {Array.from({ length: Math.max(0, seen.to - seen.from) }, (_, at) => (
            <div key={seen.from + at} className="h-5 leading-5 whitespace-pre">
              {line(seen.from + at)}
            </div>
          ))}
        </div>
      </div>
    </pre>
  );
}
