/** The bar over the transcript in which a text is looked for. */
import { useEffect, useRef, type KeyboardEvent } from "react";
import { t } from "@/i18n";
import { Button } from "@/ui/button";
import { IconButton } from "@/ui/icon-button";
import { TextField } from "@/ui/text-field";
import type { Find } from "./use-find";

type FindBarProps = {
  readonly find: Find;
  /** Counts how often it was asked for: each time the field has the focus. */
  readonly asked: number;
  readonly onClose: () => void;
};

export function FindBar({ find, asked, onClose }: FindBarProps) {
  const field = useRef<HTMLInputElement>(null);
  const had = useRef(0);
  useEffect(() => {
    if (had.current === asked) return;
    had.current = asked;
    field.current?.focus();
    field.current?.select();
  }, [asked]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing || event.nativeEvent.keyCode === 229) return;
    const again = (event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "f";
    // Asked for once more it is the browser's own that is wanted.
    if (again) event.stopPropagation();
    if (event.key === "Escape") {
      event.stopPropagation();
      onClose();
    } else if (event.key === "Enter" && event.target === field.current) {
      event.preventDefault();
      find.step(event.shiftKey ? -1 : 1);
    }
  };
  const { q, hits, place, rest } = find;
  const count =
    place === -1
      ? t("find.count", { count: hits.length })
      : t("find.place", { n: place + 1, all: hits.length });
  return (
    <search
      aria-label={t("find.label")}
      onKeyDown={onKeyDown}
      className="animate-in absolute top-2 right-4 z-20 flex max-w-[calc(100%-2rem)] flex-col gap-1 rounded-md border border-line bg-surface-0 p-1.5 phone:inset-x-2 phone:max-w-none"
    >
      <div className="flex items-center gap-1">
        <span className="w-52 phone:min-w-0 phone:flex-1">
          <TextField
            ref={field}
            type="search"
            enterKeyHint="search"
            value={find.text}
            onChange={find.write}
            aria-label={t("find.field")}
            placeholder={t("find.field")}
          />
        </span>
        <span role="status" className="min-w-16 px-1 text-right text-sm text-2">
          {q === "" ? "" : hits.length === 0 ? t("find.none") : count}
        </span>
        <IconButton
          icon="up"
          label={t("find.previous")}
          keys="Shift+Enter"
          disabled={hits.length === 0}
          onClick={() => find.step(-1)}
        />
        <IconButton
          icon="down"
          label={t("find.next")}
          keys="Enter"
          disabled={hits.length === 0}
          onClick={() => find.step(1)}
        />
        <IconButton icon="close" label={t("find.close")} keys="Esc" onClick={onClose} />
      </div>
      {q !== "" && rest !== "none" && (
        <div className="flex items-center justify-end gap-2 text-sm text-2">
          {find.problem !== null && <span className="text-bad-ink">{t("find.failed")}</span>}
          {rest === "done" ? (
            t("find.whole")
          ) : (
            <Button size="sm" working={rest === "searching"} onClick={find.searchRest}>
              {rest === "searching"
                ? t("find.searching")
                : rest === "more"
                  ? t("find.further")
                  : t("find.older")}
            </Button>
          )}
        </div>
      )}
    </search>
  );
}
