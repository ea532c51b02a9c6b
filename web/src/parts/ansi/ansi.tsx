/** Output of a program: its last lines, all of it on demand, and a terminal for what moves the cursor. */
import { memo, useMemo, useState } from "react";
import { t } from "@/i18n";
import { Button } from "@/ui/button";
import { CopyButton } from "../copy-button";
import { LineWindow } from "../line-window";
import { Terminal } from "../terminal/terminal";
import { AnsiLineView } from "./ansi-line-view";
import { movesCursor, parseAnsi } from "./parse";
import { countLines, tail } from "./tail";

type AnsiProps = { readonly text: string };
type Mode = "last" | "all" | "terminal";

const LAST = 20;

export const Ansi = memo(function Ansi({ text }: AnsiProps) {
  const [mode, setMode] = useState<Mode>("last");
  const count = useMemo(() => countLines(text), [text]);
  const moves = useMemo(() => movesCursor(text), [text]);
  const lines = useMemo(() => {
    if (mode === "terminal") return [];
    return parseAnsi(mode === "all" ? text : tail(text, LAST));
  }, [mode, text]);
  const label = t("shared.ansi.label");
  return (
    <div className="overflow-hidden rounded-md border border-line bg-surface-1">
      {mode === "terminal" && <Terminal text={text} label={label} />}
      {mode === "all" && (
        <LineWindow
          count={lines.length}
          line={(index) => (
            <span className="px-3">
              <AnsiLineView line={lines[index] ?? []} />
            </span>
          )}
          label={label}
          start="end"
        />
      )}
      {mode === "last" && (
        <pre
          tabIndex={0}
          aria-label={label}
          dir="ltr"
          className="focus-inset overflow-x-auto px-3 py-2 font-mono leading-5 break-words whitespace-pre-wrap"
        >
          {lines.map((line, at) => (
            <div key={at} className="min-h-5">
              <AnsiLineView line={line} />
            </div>
          ))}
        </pre>
      )}
      <div className="flex flex-wrap items-center gap-1 border-t border-line px-1 py-0.5 text-sm text-3">
        {mode === "last" && count > LAST && (
          <Button size="sm" look="quiet" onClick={() => setMode("all")}>
            {t("shared.ansi.all", { count })}
          </Button>
        )}
        {mode === "all" && (
          <Button size="sm" look="quiet" onClick={() => setMode("last")}>
            {t("shared.ansi.last")}
          </Button>
        )}
        {moves && mode !== "terminal" && (
          <>
            <span className="pl-2">{t("shared.ansi.moves")}</span>
            <Button size="sm" look="quiet" icon="terminal" onClick={() => setMode("terminal")}>
              {t("shared.ansi.terminal")}
            </Button>
          </>
        )}
        {mode === "terminal" && (
          <Button size="sm" look="quiet" onClick={() => setMode("last")}>
            {t("shared.ansi.text")}
          </Button>
        )}
        <CopyButton text={() => plain(text)} className="ml-auto" />
      </div>
    </div>
  );
});

/** What is copied: the words without the colors. */
function plain(text: string): string {
  return parseAnsi(text)
    .map((line) => line.map((span) => span.text).join(""))
    .join("\n");
}
