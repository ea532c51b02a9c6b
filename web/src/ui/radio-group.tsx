/** A choice of one, all of it in sight. */
import { useId, type ReactNode } from "react";
import { cx } from "@/lib/cx";

export type RadioOption<Id extends string> = {
  readonly id: Id;
  readonly label: ReactNode;
  readonly note?: ReactNode;
  readonly disabled?: boolean;
};

type RadioGroupProps<Id extends string> = {
  readonly label: string;
  readonly options: readonly RadioOption<Id>[];
  readonly value: Id | null;
  readonly onChange: (id: Id) => void;
  /** `row` is for short labels, `cards` gives each choice an edge. */
  readonly look?: "list" | "row" | "cards";
};

const boxes = {
  list: "flex flex-col gap-1",
  row: "flex flex-wrap gap-x-4 gap-y-1",
  cards: "grid grid-cols-[repeat(auto-fill,minmax(min(13rem,100%),1fr))] gap-2",
} as const;

export function RadioGroup<Id extends string>(props: RadioGroupProps<Id>) {
  const { label, options, value, onChange, look = "list" } = props;
  const name = useId();
  return (
    <div role="radiogroup" aria-label={label} className={boxes[look]}>
      {options.map((option) => (
        <label
          key={option.id}
          className={cx(
            "flex items-start gap-2 has-disabled:text-3 touch:min-h-11 touch:items-center",
            look === "cards" &&
              "rounded-md border border-line-strong/60 px-3 py-1.5 has-checked:border-accent has-checked:bg-busy-tint",
          )}
        >
          <input
            type="radio"
            name={name}
            checked={option.id === value}
            disabled={option.disabled}
            onChange={() => onChange(option.id)}
            className="mt-0.5 size-4 shrink-0 accent-accent touch:mt-0 touch:size-5"
          />
          <span className="min-w-0">
            {option.label}
            {option.note !== undefined && <span className="block text-sm text-3">{option.note}</span>}
          </span>
        </label>
      ))}
    </div>
  );
}
