/** A line of text with suggestions below it. Any text is allowed; the suggestions are the caller's. */
import { useId, useState, type KeyboardEvent, type ReactNode } from "react";
import { cx } from "@/lib/cx";
import { controlClass } from "./control";
import type { FieldTies } from "./field";

export type Suggestion = { readonly value: string; readonly label?: string; readonly note?: ReactNode };

type ComboboxProps = {
  readonly ties: FieldTies;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly suggestions: readonly Suggestion[];
  /** Called when one is taken from the list, after `onChange`. */
  readonly onPick?: (value: string) => void;
  readonly placeholder?: string;
  readonly listLabel: string;
};

export function Combobox(props: ComboboxProps) {
  const { ties, value, onChange, suggestions, onPick, placeholder, listLabel } = props;
  const listId = useId();
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  const shown = open && suggestions.length > 0;
  const active = shown ? Math.min(at, suggestions.length - 1) : -1;

  function pick(suggestion: Suggestion) {
    onChange(suggestion.value);
    onPick?.(suggestion.value);
    setOpen(false);
    setAt(-1);
  }

  function onKeyDown(event: KeyboardEvent) {
    if (event.nativeEvent.isComposing) return;
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      setOpen(true);
      setAt(nextAt(active, step, suggestions.length));
      return;
    }
    const chosen = suggestions[active];
    if ((event.key === "Enter" || event.key === "Tab") && chosen !== undefined) {
      if (event.key === "Enter") event.preventDefault();
      pick(chosen);
    } else if (event.key === "Escape" && shown) {
      event.preventDefault();
      event.stopPropagation();
      setOpen(false);
    }
  }

  return (
    <div className="relative">
      <input
        {...ties}
        type="text"
        role="combobox"
        aria-expanded={shown}
        aria-controls={listId}
        aria-autocomplete="list"
        aria-activedescendant={active >= 0 ? `${listId}-${active}` : undefined}
        autoComplete="off"
        autoCapitalize="off"
        spellCheck={false}
        value={value}
        placeholder={placeholder}
        onChange={(event) => {
          onChange(event.target.value);
          setOpen(true);
          setAt(-1);
        }}
        onKeyDown={onKeyDown}
        onClick={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        className={controlClass}
      />
      <ul
        id={listId}
        role="listbox"
        aria-label={listLabel}
        hidden={!shown}
        className="absolute inset-x-0 top-full z-50 mt-1 max-h-64 overflow-y-auto rounded-md border border-line bg-surface-0 p-1"
      >
        {suggestions.map((suggestion, index) => (
          <li
            key={suggestion.value}
            id={`${listId}-${index}`}
            role="option"
            aria-selected={index === active}
            ref={(row) => {
              if (index === active) row?.scrollIntoView({ block: "nearest" });
            }}
            onPointerDown={(event) => event.preventDefault()}
            onClick={() => pick(suggestion)}
            className={cx(
              "flex min-h-7 items-baseline gap-2 rounded-sm px-2 py-1 hover:bg-surface-2 touch:min-h-11 touch:items-center",
              index === active && "bg-surface-3",
            )}
          >
            <span className="min-w-0 flex-1 break-all">{suggestion.label ?? suggestion.value}</span>
            {suggestion.note !== undefined && <span className="text-sm text-3">{suggestion.note}</span>}
          </li>
        ))}
      </ul>
    </div>
  );
}

/** The next place in a ring that also has the place "none", -1. */
export function nextAt(at: number, step: number, length: number): number {
  if (length === 0) return -1;
  const next = at + step;
  if (next >= length) return -1;
  return next < -1 ? length - 1 : next;
}
