/** How long ago something was: "2 m". The clock writes the text, React does not know it; the exact time is on hover. */
import { memo, useLayoutEffect, useRef } from "react";
import { age, ageLasts, exact, instant } from "@/i18n/format";
import { t } from "@/i18n";
import { keepTime } from "@/lib/clock";

type AgeProps = {
  readonly at: string | number;
  /** Added to the exact time on hover. */
  readonly id?: string;
  readonly className?: string;
};

export const Age = memo(function Age({ at, id, className }: AgeProps) {
  const ref = useRef<HTMLTimeElement>(null);
  const when = instant(at);
  useLayoutEffect(() => {
    const node = ref.current;
    if (node === null || when === null) return;
    return keepTime({
      write(now) {
        const text = age(when, now);
        if (node.textContent !== text) node.textContent = text;
        return ageLasts(when, now);
      },
    });
  }, [when]);
  if (when === null) return null;
  const time = exact(when);
  return (
    <time
      ref={ref}
      dateTime={new Date(when).toISOString()}
      title={id === undefined ? time : t("shared.time.exact_and_id", { time, id })}
      className={className}
    />
  );
});
