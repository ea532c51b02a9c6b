/** A person's own words, as they were written; very long ones are folded. */
import { t } from "@/i18n";
import { cx } from "@/lib/cx";
import { HiddenText } from "@/parts/hidden-text";
import { Button } from "@/ui/button";
import { useFold } from "./folds";

const LINES = 30;
const CHARACTERS = 3000;

export function LongText({ id, text }: { readonly id: string; readonly text: string }) {
  const [open, toggle] = useFold(id, "closed");
  const long = text.length > CHARACTERS || text.split("\n", LINES + 1).length > LINES;
  const shown = long && !open ? text.slice(0, CHARACTERS) : text;
  return (
    <>
      <p className={cx("break-words whitespace-pre-wrap", long && !open && "line-clamp-[12]")}>
        <HiddenText text={shown} />
      </p>
      {long && (
        <Button size="sm" look="quiet" className="mt-1" onClick={toggle}>
          {open ? t("transcript.fold.hide") : t("transcript.fold.show")}
        </Button>
      )}
    </>
  );
}
