/** One line of output in its colors. */
import { memo, type CSSProperties } from "react";
import { cx } from "@/lib/cx";
import { HiddenText } from "../hidden-text";
import type { AnsiLine, AnsiStyle } from "./parse";

export const AnsiLineView = memo(function AnsiLineView({ line }: { readonly line: AnsiLine }) {
  return line.map((span, at) => {
    const { bold, dim, italic, underline, strike } = span.style;
    const named = cx(
      bold && "font-bold",
      dim && "opacity-75",
      italic && "italic",
      underline && "underline",
      strike && "line-through",
    );
    return (
      <span key={at} className={named === "" ? undefined : named} style={colorsOf(span.style)}>
        <HiddenText text={span.text} />
      </span>
    );
  });
});

function colorsOf({ fg, bg, inverse }: AnsiStyle): CSSProperties | undefined {
  if (inverse === true) {
    return {
      color: "var(--surface-0)",
      backgroundColor: fg === undefined ? "var(--text-1)" : `var(--ansi-${fg})`,
    };
  }
  if (fg === undefined && bg === undefined) return undefined;
  return {
    ...(fg === undefined ? {} : { color: `var(--ansi-${fg})` }),
    ...(bg === undefined
      ? {}
      : { backgroundColor: `color-mix(in srgb, var(--ansi-${bg}) 16%, transparent)` }),
  };
}
