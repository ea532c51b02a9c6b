/** A grey bar where text will stand. */
import { cx } from "@/lib/cx";

export function Skeleton({ className }: { readonly className?: string }) {
  return <span aria-hidden className={cx("block h-3 rounded-sm bg-surface-2", className)} />;
}
