/** A box to tick, with its label. */
import type { ReactNode } from "react";

type CheckboxProps = {
  readonly label: ReactNode;
  readonly note?: ReactNode;
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
  readonly disabled?: boolean;
};

export function Checkbox({ label, note, checked, onChange, disabled }: CheckboxProps) {
  return (
    <label className="flex items-start gap-2 has-disabled:text-3 touch:min-h-11 touch:items-center">
      <input
        type="checkbox"
        checked={checked}
        disabled={disabled}
        onChange={(event) => onChange(event.target.checked)}
        className="mt-0.5 size-4 shrink-0 accent-accent touch:mt-0 touch:size-5"
      />
      <span className="min-w-0">
        {label}
        {note !== undefined && <span className="block text-sm text-3">{note}</span>}
      </span>
    </label>
  );
}
