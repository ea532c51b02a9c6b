/** Turns something on or off at once. */
import type { ReactNode } from "react";

type SwitchProps = {
  readonly label: ReactNode;
  readonly note?: ReactNode;
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
  readonly disabled?: boolean;
};

export function Switch({ label, note, checked, onChange, disabled }: SwitchProps) {
  return (
    <label className="flex items-start justify-between gap-4 has-disabled:text-3 touch:min-h-11 touch:items-center">
      <span className="min-w-0">
        {label}
        {note !== undefined && <span className="block text-sm text-3">{note}</span>}
      </span>
      <span className="relative inline-flex shrink-0">
        <input
          type="checkbox"
          role="switch"
          checked={checked}
          disabled={disabled}
          onChange={(event) => onChange(event.target.checked)}
          className="peer h-5 w-9 appearance-none rounded-full border border-line-strong bg-surface-2 checked:border-accent checked:bg-accent"
        />
        <span
          aria-hidden
          className="pointer-events-none absolute top-1 left-1 size-3 rounded-full bg-line-strong transition-transform duration-100 peer-checked:translate-x-4 peer-checked:bg-accent-ink"
        />
      </span>
    </label>
  );
}
