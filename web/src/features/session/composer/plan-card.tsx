/** The plan over the composer: how far it is and what is done now; opened, all of it. */
import { useCallback, useState } from "react";
import { useSelect } from "@/bind/store";
import { t } from "@/i18n";
import { cx } from "@/lib/cx";
import { HiddenText } from "@/parts/hidden-text";
import type { PlanEntry } from "@/store/items";
import type { State } from "@/store/state";
import { Icon, type IconName } from "@/ui/icon";

const nothing: readonly PlanEntry[] = [];

export function PlanCard({ session }: { readonly session: string }) {
  const entries = useSelect(
    useCallback((state: State) => state.logs.get(session)?.transcript.plan ?? nothing, [session]),
  );
  const [open, setOpen] = useState(false);
  const done = entries.filter((entry) => entry.status === "completed").length;
  if (done === entries.length) return null;
  const now = entries.find((entry) => entry.status === "in_progress") ?? entries.find(isLeft);
  return (
    <section aria-label={t("transcript.plan.title")} className="rounded-md border border-line bg-surface-1">
      <button
        type="button"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
        className="focus-inset flex min-h-8 w-full items-center gap-2 rounded-md px-2 text-left hover:bg-surface-2 touch:min-h-11"
      >
        <Icon name="list" className="text-3" />
        <span className="min-w-0 flex-1 truncate">
          <HiddenText
            text={t("transcript.plan.summary", { done, all: entries.length, now: now?.content ?? "" })}
          />
        </span>
        <Icon name={open ? "down" : "up"} size={12} className="text-3" />
      </button>
      {open && (
        <ol className="max-h-[30dvh] overflow-y-auto border-t border-line px-2 py-1">
          {entries.map((entry, at) => (
            <li key={at} className="flex items-start gap-2 py-0.5">
              <Icon name={iconOf(entry)} label={wordOf(entry)} className={cx("mt-0.5", toneOf(entry))} />
              <span className={cx("min-w-0 break-words", entry.status === "completed" && "text-3")}>
                <HiddenText text={entry.content} />
              </span>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

function isLeft({ status }: PlanEntry): boolean {
  return status !== "completed";
}

function iconOf({ status }: PlanEntry): IconName {
  return status === "completed" ? "check" : status === "in_progress" ? "play" : "minus";
}

function toneOf({ status }: PlanEntry): string {
  return status === "completed" ? "text-good" : status === "in_progress" ? "text-busy" : "text-3";
}

function wordOf({ status }: PlanEntry): string {
  if (status === "completed") return t("transcript.plan.completed");
  return status === "in_progress" ? t("transcript.plan.in_progress") : t("transcript.plan.pending");
}
