/** How long something has been going on: "41 s". Ticks until there is an end. */
import { memo, useLayoutEffect, useRef } from "react";
import { duration, exact, instant } from "@/i18n/format";
import { keepTime } from "@/lib/clock";

type ElapsedProps = {
  readonly since: string | number;
  readonly until?: string | number | null;
  readonly className?: string;
};

export const Elapsed = memo(function Elapsed({ since, until, className }: ElapsedProps) {
  const ref = useRef<HTMLSpanElement>(null);
  const from = instant(since);
  const to = instant(until);
  useLayoutEffect(() => {
    const node = ref.current;
    if (node === null || from === null) return;
    if (to !== null) {
      node.textContent = duration(to - from);
      return;
    }
    return keepTime({
      write(now) {
        const past = Math.max(0, now - from);
        node.textContent = duration(Math.floor(past / 1000) * 1000);
        return 1000 - (past % 1000);
      },
    });
  }, [from, to]);
  if (from === null) return null;
  return <span ref={ref} title={exact(from)} className={className} />;
});
