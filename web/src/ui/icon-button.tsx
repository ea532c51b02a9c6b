/** A button that is a drawing. Its name is read out and shown on hover, with the key that does the same. */
import type { ButtonHTMLAttributes, Ref } from "react";
import { cx } from "@/lib/cx";
import { buttonBase, buttonLooks, type ButtonLook } from "./button";
import { Icon, type IconName } from "./icon";
import { Tooltip } from "./tooltip";

type IconButtonProps = Omit<ButtonHTMLAttributes<HTMLButtonElement>, "children"> & {
  readonly ref?: Ref<HTMLButtonElement>;
  readonly icon: IconName;
  readonly label: string;
  readonly keys?: string;
  readonly look?: ButtonLook;
  readonly size?: "sm" | "md" | "lg";
};

const sizes = { sm: "size-6", md: "size-8", lg: "size-11" } as const;

export function IconButton(props: IconButtonProps) {
  const { icon, label, keys, look = "quiet", size = "md", className, ...rest } = props;
  return (
    <Tooltip text={label} keys={keys}>
      <button
        type="button"
        {...rest}
        aria-label={label}
        className={cx(buttonBase, buttonLooks[look], sizes[size], "p-0", className)}
      >
        <Icon name={icon} size={size === "lg" ? 20 : 16} />
      </button>
    </Tooltip>
  );
}
