/** A block of code: its language, a button that copies the code alone, and colors once it is complete. */
import { memo, useEffect, useState } from "react";
import { t } from "@/i18n";
import { CopyButton } from "../copy-button";
import { HiddenText } from "../hidden-text";
import type { Line } from "./color";
import { colored } from "./coloring";
import { languageOf } from "./languages";

type CodeBlockProps = {
  readonly code: string;
  /** As it was written; empty for none. */
  readonly language: string;
  /** `open` while its end has not come: then it is not colored yet. */
  readonly state?: "open" | "closed";
};

export const CodeBlock = memo(function CodeBlock({ code, language, state = "closed" }: CodeBlockProps) {
  const [lines, setLines] = useState<{ of: string; lines: readonly Line[] } | null>(null);
  const known = languageOf(language);
  useEffect(() => {
    if (state === "open" || known === null) return;
    let wanted = true;
    colored(code, known).then(
      (done) => {
        if (wanted && done !== null) setLines({ of: code, lines: done });
      },
      // Without its grammar the code is shown plain, which is what it is now.
      () => undefined,
    );
    return () => {
      wanted = false;
    };
  }, [code, known, state]);
  return (
    <figure className="my-2 overflow-hidden rounded-md border border-line bg-surface-1">
      <figcaption className="flex items-center justify-between pt-0.5 pr-0.5 pl-3 text-sm text-3">
        <span className="truncate">{language === "" ? t("shared.code.plain") : language}</span>
        <CopyButton text={code} label={t("shared.code.copy")} />
      </figcaption>
      <pre
        dir="ltr"
        tabIndex={0}
        className="focus-inset max-h-[32rem] overflow-auto px-3 pb-2 font-mono leading-normal"
      >
        <code>{lines?.of === code ? <ColoredLines lines={lines.lines} /> : <HiddenText text={code} />}</code>
      </pre>
    </figure>
  );
});

function ColoredLines({ lines }: { readonly lines: readonly Line[] }) {
  return lines.map((line, row) => (
    <span key={row}>
      {line.map((piece, at) => (
        <span key={at} style={piece.color === undefined ? undefined : { color: piece.color }}>
          <HiddenText text={piece.text} />
        </span>
      ))}
      {row < lines.length - 1 && "\n"}
    </span>
  ));
}
