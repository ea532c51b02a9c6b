/** Text from outside, with marks where characters would act without being seen. */
import { Fragment, memo } from "react";
import { t } from "@/i18n";
import { segments, signOf, type Segment, type Watchfulness } from "@/lib/hidden";

type HiddenTextProps = { readonly text: string; readonly how?: Watchfulness };

export const HiddenText = memo(function HiddenText({ text, how = "text" }: HiddenTextProps) {
  const pieces = segments(text, how);
  const [only] = pieces;
  if (pieces.length === 1 && only !== undefined && "text" in only) return only.text;
  return (
    <bdi>
      {pieces.map((piece, index) =>
        "text" in piece ? (
          <Fragment key={index}>{piece.text}</Fragment>
        ) : (
          <HiddenMark key={index} kind={piece.hidden} code={piece.code} />
        ),
      )}
    </bdi>
  );
});

type Hidden = Extract<Segment, { hidden: string }>;

/** The mark itself: the sign of the character, and its name on hover and for a screen reader. */
export function HiddenMark({ kind, code }: { readonly kind: Hidden["hidden"]; readonly code: string }) {
  const name = t(`shared.hidden.${kind}`, { code });
  return (
    <span
      role="img"
      aria-label={name}
      title={name}
      className="mx-px rounded-sm border border-warn bg-warn-tint px-0.5 font-mono text-[0.85em] text-warn-ink select-none"
    >
      {signOf(code)}
    </span>
  );
}
