/** A button that is a drawing. Its name is read out and shown on hover, with the key that does the same. */
import type { ButtonHTMLAttributes, FocusEvent, PointerEvent, Ref } from "react";
import { cx } from "@/lib/cx";
import { buttonBase, buttonLooks, type ButtonLook } from "./button";
import { Icon, type IconName } from "./icon";
import { tooltip } from "./tooltip";

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
  const tip = tooltip(label, keys);
  return (
    <button
      type="button"
      {...rest}
      {...both(tip, rest)}
      aria-label={label}
      className={cx(buttonBase, buttonLooks[look], sizes[size], "p-0", className)}
    >
      <Icon name={icon} size={size === "lg" ? 20 : 16} />
    </button>
  );
}

type Heard = ReturnType<typeof tooltip>;

/** What the button's owner listens to is told first. */
function both(tip: Heard, own: ButtonHTMLAttributes<HTMLButtonElement>) {
  return {
    onPointerEnter: (event: PointerEvent<HTMLButtonElement>) => {
      own.onPointerEnter?.(event);
      tip.onPointerEnter(event);
    },
    onPointerLeave: (event: PointerEvent<HTMLButtonElement>) => {
      own.onPointerLeave?.(event);
      tip.onPointerLeave();
    },
    onPointerDown: (event: PointerEvent<HTMLButtonElement>) => {
      own.onPointerDown?.(event);
      tip.onPointerDown();
    },
    onFocus: (event: FocusEvent<HTMLButtonElement>) => {
      own.onFocus?.(event);
      tip.onFocus(event);
    },
    onBlur: (event: FocusEvent<HTMLButtonElement>) => {
      own.onBlur?.(event);
      tip.onBlur();
    },
  };
}
