/** A sentence of the server. What it puts in backticks is shown as code. */
import { memo } from "react";
import { HiddenText } from "./hidden-text";

export const Said = memo(function Said({ text }: { readonly text: string }) {
  return text.split(/(`[^`\n]+`)/).map((piece, at) =>
    /^`[^`\n]+`$/.test(piece) ? (
      <code key={at} className="rounded-sm bg-surface-2 px-1 font-mono text-[0.95em] text-1">
        <HiddenText text={piece.slice(1, -1)} how="command" />
      </code>
    ) : (
      <HiddenText key={at} text={piece} />
    ),
  );
});
