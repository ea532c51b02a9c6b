/** Where short messages appear: once in the page. Each goes after six seconds, later while a hand or the focus is on it. */
import { useEffect, useState, useSyncExternalStore } from "react";
import { cx } from "@/lib/cx";
import { Button } from "./button";
import { IconButton } from "./icon-button";
import { dropToast, toasts, watchToasts, type Toast } from "./toasts";

type ToastRegionProps = { readonly label: string; readonly closeLabel: string };

const STAYS = 6000;

const tones: Record<Toast["tone"], string> = {
  plain: "border-line bg-surface-2",
  bad: "border-bad bg-bad-tint",
  good: "border-good bg-good-tint",
};

export function ToastRegion({ label, closeLabel }: ToastRegionProps) {
  const list = useSyncExternalStore(watchToasts, toasts);
  return (
    <section
      aria-label={label}
      aria-live="polite"
      className="pointer-events-none fixed right-4 bottom-4 z-50 flex w-80 max-w-[calc(100vw-2rem)] flex-col gap-2 phone:bottom-20"
    >
      {list.map((toast) => (
        <ToastCard key={toast.id} toast={toast} closeLabel={closeLabel} />
      ))}
    </section>
  );
}

function ToastCard({ toast, closeLabel }: { readonly toast: Toast; readonly closeLabel: string }) {
  const [held, setHeld] = useState(false);
  useEffect(() => {
    if (held) return;
    const timer = setTimeout(() => dropToast(toast.id), STAYS);
    return () => clearTimeout(timer);
  }, [held, toast.id]);
  return (
    <div
      onPointerEnter={() => setHeld(true)}
      onPointerLeave={() => setHeld(false)}
      onFocus={() => setHeld(true)}
      onBlur={() => setHeld(false)}
      className={cx(
        "animate-rise pointer-events-auto flex items-center gap-2 rounded-md border py-1 pr-1 pl-3",
        tones[toast.tone],
      )}
    >
      <span className="min-w-0 flex-1 break-words">{toast.text}</span>
      {toast.action !== undefined && (
        <Button
          size="sm"
          onClick={() => {
            dropToast(toast.id);
            toast.action?.onSelect();
          }}
        >
          {toast.action.label}
        </Button>
      )}
      <IconButton icon="close" size="sm" label={closeLabel} onClick={() => dropToast(toast.id)} />
    </div>
  );
}
