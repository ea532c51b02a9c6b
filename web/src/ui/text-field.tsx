/** One line of text. */
import type { InputHTMLAttributes, Ref } from "react";
import { cx } from "@/lib/cx";
import { controlClass } from "./control";

type TextFieldProps = Omit<InputHTMLAttributes<HTMLInputElement>, "onChange" | "value"> & {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly ref?: Ref<HTMLInputElement>;
  readonly face?: "text" | "code";
};

export function TextField({ onChange, face = "text", className, ...rest }: TextFieldProps) {
  return (
    <input
      type="text"
      {...(face === "code" ? { spellCheck: false, autoCapitalize: "off", autoCorrect: "off" } : {})}
      {...rest}
      onChange={(event) => onChange(event.target.value)}
      className={cx(controlClass, face === "code" && "font-mono", className)}
    />
  );
}
