/** A button with words on it. `working` keeps its width and says so to a screen reader. */
import type { ButtonHTMLAttributes, Ref } from "react";
import { cx } from "@/lib/cx";
import { Icon, type IconName } from "./icon";

export type ButtonLook = "plain" | "primary" | "quiet" | "danger";

export type ButtonProps = ButtonHTMLAttributes<HTMLButtonElement> & {
  readonly ref?: Ref<HTMLButtonElement>;
  readonly look?: ButtonLook;
  readonly size?: "sm" | "md";
  readonly icon?: IconName;
  readonly working?: boolean;
};

export const buttonLooks: Record<ButtonLook, string> = {
  plain: "border-line-strong/60 bg-surface-0 text-1 hover:bg-surface-2 active:bg-surface-3",
  primary: "border-transparent bg-accent text-accent-ink hover:bg-accent-strong active:bg-accent-strong",
  quiet: "border-transparent bg-transparent text-2 hover:bg-surface-2 hover:text-1 active:bg-surface-3",
  danger: "border-bad/60 bg-surface-0 text-bad-ink hover:bg-bad-tint active:bg-bad-tint",
};

export const buttonBase =
  "tap relative inline-flex shrink-0 items-center justify-center gap-1.5 rounded-md border font-medium whitespace-nowrap select-none aria-disabled:opacity-55 disabled:opacity-55 disabled:pointer-events-none";

export function Button(props: ButtonProps) {
  const { look = "plain", size = "md", icon, working = false, className, children, onClick, ...rest } = props;
  return (
    <button
      type="button"
      {...rest}
      onClick={working ? undefined : onClick}
      aria-disabled={working || rest["aria-disabled"] || undefined}
      aria-busy={working || undefined}
      className={cx(
        buttonBase,
        buttonLooks[look],
        size === "sm" ? "min-h-6 px-2 py-0.5 text-sm" : "min-h-8 px-3 py-1 text-base",
        className,
      )}
    >
      {icon !== undefined && <Icon name={icon} className={children === undefined ? undefined : "-ml-0.5"} />}
      {children}
    </button>
  );
}
