/** A choice of one from a few. The browser's own list: it fits a finger, a key and a screen reader. */
import type { SelectHTMLAttributes } from "react";
import { cx } from "@/lib/cx";
import { controlClass } from "./control";
import { Icon } from "./icon";

export type Option<Id extends string> = {
  readonly id: Id;
  readonly label: string;
  readonly disabled?: boolean;
};

type SelectProps<Id extends string> = Omit<SelectHTMLAttributes<HTMLSelectElement>, "onChange" | "value"> & {
  readonly options: readonly Option<Id>[];
  readonly value: Id;
  readonly onChange: (id: Id) => void;
  /** `quiet` has no edge, for bars. */
  readonly look?: "field" | "quiet";
};

export function Select<Id extends string>(props: SelectProps<Id>) {
  const { options, value, onChange, look = "field", className, ...rest } = props;
  return (
    <span className={cx("relative inline-flex max-w-full min-w-0 items-center", className)}>
      <select
        {...rest}
        value={value}
        onChange={(event) => {
          const option = options.find((one) => one.id === event.target.value);
          if (option !== undefined) onChange(option.id);
        }}
        className={cx(
          controlClass,
          "appearance-none truncate pr-7",
          look === "quiet" && "border-transparent bg-transparent text-2 hover:bg-surface-2 hover:text-1",
        )}
      >
        {options.map((option) => (
          <option key={option.id} value={option.id} disabled={option.disabled}>
            {option.label}
          </option>
        ))}
      </select>
      <Icon name="down" size={12} className="pointer-events-none absolute right-2 text-3" />
    </span>
  );
}
