/** One of our drawings. It takes the color of the text beside it and is silent unless it has a label. */
import { memo } from "react";
import { cx } from "@/lib/cx";
import { shapes, type IconName } from "./icon-shapes";

export type { IconName };

type IconProps = {
  readonly name: IconName;
  readonly size?: 12 | 16 | 20;
  readonly label?: string;
  readonly className?: string;
};

export const Icon = memo(function Icon({ name, size = 16, label, className }: IconProps) {
  const paths: readonly string[] = shapes[name];
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth={size === 20 ? 1.3 : 1.5}
      strokeLinecap="round"
      strokeLinejoin="round"
      className={cx("shrink-0", className)}
      role={label === undefined ? undefined : "img"}
      aria-label={label}
      aria-hidden={label === undefined ? true : undefined}
    >
      {paths.map((path) =>
        path.startsWith("*") ? (
          <path key={path} d={path.slice(1)} fill="currentColor" stroke="none" />
        ) : (
          <path key={path} d={path} />
        ),
      )}
    </svg>
  );
});
