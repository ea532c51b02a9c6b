/** All lines of an output, of which only those in sight are in the page. Lines are of one height and do not wrap. */
import { useLayoutEffect, useRef, useState } from "react";
import { AnsiLineView } from "./ansi-line-view";
import type { AnsiLine } from "./parse";

type LineWindowProps = { readonly lines: readonly AnsiLine[]; readonly label: string };

/** Pixels; the class below gives each line this height. */
const HEIGHT = 20;
const BEYOND = 20;

export function LineWindow({ lines, label }: LineWindowProps) {
  const ref = useRef<HTMLPreElement>(null);
  const [seen, setSeen] = useState({ from: Math.max(0, lines.length - 60), to: lines.length });

  function look() {
    const box = ref.current;
    if (box === null) return;
    const from = Math.max(0, Math.floor(box.scrollTop / HEIGHT) - BEYOND);
    const to = Math.min(lines.length, Math.ceil((box.scrollTop + box.clientHeight) / HEIGHT) + BEYOND);
    setSeen((before) => (before.from === from && before.to === to ? before : { from, to }));
  }

  useLayoutEffect(() => {
    // The end is what was in sight before all was shown.
    ref.current?.scrollTo({ top: ref.current.scrollHeight });
  }, []);
  useLayoutEffect(look, [lines]);

  return (
    <pre
      ref={ref}
      tabIndex={0}
      aria-label={label}
      dir="ltr"
      onScroll={look}
      className="focus-inset max-h-[60dvh] overflow-auto px-3 py-2 font-mono"
    >
      <div className="relative w-max min-w-full" style={{ height: lines.length * HEIGHT }}>
        <div className="absolute inset-x-0" style={{ top: seen.from * HEIGHT }}>
          {lines.slice(seen.from, seen.to).map((line, at) => (
            <div key={seen.from + at} className="h-5 leading-5 whitespace-pre">
              <AnsiLineView line={line} />
            </div>
          ))}
        </div>
      </div>
    </pre>
  );
}
