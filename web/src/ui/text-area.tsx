/** Several lines of text; grows with what is in it, up to `max-h-*` of its class. */
import type { Ref, TextareaHTMLAttributes } from "react";
import { cx } from "@/lib/cx";
import { controlClass } from "./control";

type TextAreaProps = Omit<TextareaHTMLAttributes<HTMLTextAreaElement>, "onChange" | "value"> & {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly ref?: Ref<HTMLTextAreaElement>;
  readonly face?: "text" | "code";
};

export function TextArea({ onChange, face = "text", rows = 3, className, style, ...rest }: TextAreaProps) {
  return (
    <textarea
      rows={rows}
      {...(face === "code" ? { spellCheck: false, autoCapitalize: "off", autoCorrect: "off" } : {})}
      {...rest}
      onChange={(event) => onChange(event.target.value)}
      // What grows with its content forgets its rows.
      style={{ minHeight: `calc(${rows * 1.5}em + 0.625rem)`, ...style }}
      className={cx(
        controlClass,
        "resize-none field-sizing-content",
        face === "code" && "font-mono",
        className,
      )}
    />
  );
}
