/** Stands where a session would: it is not there, it was deleted, or it cannot be asked for now. */
import { PlaceLink } from "@/bind/nav";
import { t } from "@/i18n";
import { EmptyNote } from "@/parts/empty-note";
import { ProblemNote } from "@/parts/problem-note";
import type { SessionShown } from "./use-session";

type NoSessionProps = {
  readonly id: string;
  readonly shown: Extract<SessionShown, { is: "missing" | "deleted" | "problem" }>;
  readonly onRetry: () => void;
};

export function NoSession({ id, shown, onRetry }: NoSessionProps) {
  if (shown.is === "problem") {
    return (
      <div className="mx-auto flex w-full max-w-lg flex-1 flex-col gap-3 px-4 py-12">
        <h1 className="text-lg font-semibold">{t("session.unreachable.title")}</h1>
        <ProblemNote problem={shown.problem} onRetry={onRetry} />
      </div>
    );
  }
  const words = shown.is === "missing" ? "missing" : "deleted";
  return (
    <div className="min-w-0 flex-1">
      <h1 className="sr-only">
        {words === "missing" ? t("session.missing.title", { id: id.slice(-6) }) : t("session.deleted.title")}
      </h1>
      <EmptyNote
        title={
          words === "missing" ? t("session.missing.title", { id: id.slice(-6) }) : t("session.deleted.title")
        }
        note={t(`session.${words}.note`)}
      >
        <PlaceLink place={{ to: "home" }}>{t(`session.${words}.home`)}</PlaceLink>
      </EmptyNote>
    </div>
  );
}
