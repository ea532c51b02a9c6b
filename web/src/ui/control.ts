/** The looks that all fields share. */
export const controlClass =
  "w-full rounded-md border border-line-strong bg-surface-0 px-2 py-1 text-base text-1 min-h-8 touch:min-h-11 aria-invalid:border-bad disabled:bg-surface-1 disabled:text-3 focus-visible:outline-offset-0";
