/** What stands before the first row and after the last one that is held. */
import { useStore } from "@/bind/store";
import { t } from "@/i18n";
import { Button } from "@/ui/button";
import type { Window } from "./use-rows";

type FeedEndsProps = {
  readonly session: string;
  readonly window: Window;
  readonly end: "before" | "after";
};

export function FeedEnds({ session, window, end }: FeedEndsProps) {
  const store = useStore();
  const before = end === "before";
  const over = before && window.first <= 1;
  const failed = window.failed !== null && window.loading === "nothing" && !over;
  const text = over ? t("transcript.start") : before ? t("transcript.older") : t("transcript.newer");
  return (
    <div className="flex h-11 items-center justify-center gap-3 text-sm text-3">
      {failed ? (
        <>
          <span className="text-bad-ink">{t("transcript.failed")}</span>
          <Button size="sm" onClick={() => store.put({ is: before ? "older" : "newer", session })}>
            {t("shared.retry")}
          </Button>
        </>
      ) : (
        text
      )}
    </div>
  );
}
