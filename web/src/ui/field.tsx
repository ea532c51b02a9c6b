/** A label, its control, a hint and what is wrong with it, tied together for a screen reader. */
import { useId, type ReactNode } from "react";

/** What the control must carry. */
export type FieldTies = {
  readonly id: string;
  readonly "aria-describedby": string | undefined;
  readonly "aria-invalid": true | undefined;
};

type FieldProps = {
  readonly label: string;
  readonly hint?: ReactNode;
  readonly error?: ReactNode;
  /** Stands at the end of the label's line. */
  readonly aside?: ReactNode;
  readonly children: (ties: FieldTies) => ReactNode;
};

export function Field({ label, hint, error, aside, children }: FieldProps) {
  const id = useId();
  const hasHint = hint !== undefined && hint !== null;
  const hasError = error !== undefined && error !== null;
  const described = [hasHint && `${id}-hint`, hasError && `${id}-error`].filter(Boolean).join(" ");
  return (
    <div className="flex flex-col gap-1">
      <div className="flex items-baseline justify-between gap-2">
        <label htmlFor={id} className="font-medium">
          {label}
        </label>
        {aside}
      </div>
      {children({
        id,
        "aria-describedby": described === "" ? undefined : described,
        "aria-invalid": hasError ? true : undefined,
      })}
      {hasHint && (
        <div id={`${id}-hint`} className="text-sm text-3">
          {hint}
        </div>
      )}
      <div id={`${id}-error`} aria-live="polite" className="text-sm text-bad-ink empty:hidden">
        {error}
      </div>
    </div>
  );
}
