/** Keys as they are printed on the keyboard at hand: "Mod+K" is ⌘ K on a Mac and Ctrl K elsewhere. */
import { keyNames } from "./key-names";

export function Kbd({ keys }: { readonly keys: string }) {
  const names = keyNames(keys);
  return (
    <kbd className="touch:hidden inline-flex gap-0.5 font-sans text-xs text-2">
      <span className="sr-only">{names.join(" ")}</span>
      {names.map((key) => (
        <span
          key={key}
          aria-hidden
          className="min-w-4 rounded-sm border border-line bg-surface-1 px-1 text-center leading-4"
        >
          {key}
        </span>
      ))}
    </kbd>
  );
}
