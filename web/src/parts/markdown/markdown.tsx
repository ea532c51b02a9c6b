/** Text of an agent or a person as it is meant to look. Until the formatter is there, and where it is very long, it is plain. */
import { lazy, memo, Suspense, useEffect, useState } from "react";
import { t } from "@/i18n";
import { size } from "@/i18n/format";
import { drawn } from "@/lib/breath";
import { Button } from "@/ui/button";
import { HiddenText } from "../hidden-text";

type MarkdownProps = {
  readonly text: string;
  /** `open` while more may come: an unfinished mark is then closed for show. */
  readonly state?: "open" | "closed";
};

const LONG = 200_000;

let shown: () => void = () => undefined;
const plain = new Promise<void>((resolve) => (shown = resolve));

/** It is asked for when the text stands there plain, and not before: what is read first has the line for itself. */
const Formatted = lazy(async () => {
  await plain;
  await drawn();
  // Offline, or a page of an older version: the text stays readable.
  return formatter().catch(() => ({ default: Plain }));
});

/** In two pieces: to begin a part of it takes as long as to begin the rest, and the browser answers between them. */
async function formatter() {
  const [page] = await Promise.all([import("./formatted"), import("marked")]);
  return page;
}

export const Markdown = memo(function Markdown({ text, state = "closed" }: MarkdownProps) {
  const [anyway, setAnyway] = useState(false);
  if (text.length > LONG && !anyway) {
    return (
      <div>
        <p className="mb-2 flex flex-wrap items-center gap-2 text-3">
          {t("shared.markdown.long", { size: size(text.length) })}
          <Button size="sm" onClick={() => setAnyway(true)}>
            {t("shared.markdown.format")}
          </Button>
        </p>
        <Plain text={text} />
      </div>
    );
  }
  return (
    <Suspense fallback={<Unformatted text={text} />}>
      <Formatted text={text} state={state} />
    </Suspense>
  );
});

function Unformatted({ text }: MarkdownProps) {
  useEffect(() => shown(), []);
  return <Plain text={text} />;
}

function Plain({ text }: MarkdownProps) {
  return (
    <div dir="auto" className="break-words whitespace-pre-wrap">
      <HiddenText text={text} />
    </div>
  );
}
