/** Stands where nothing was said yet: how the session is, and that one may begin. */
import { t } from "@/i18n";
import { Elapsed } from "@/parts/elapsed";
import { EmptyNote } from "@/parts/empty-note";
import type { Session } from "@/store/types";

export function EmptyTalk({ session }: { readonly session: Session }) {
  const { state, waiting, agent, worker, cwd, updated_at } = session;
  if (waiting !== null) return <Note title={t("transcript.empty_pending", { detail: waiting.detail })} />;
  if (state === "starting" || state === "pending") {
    return (
      <Note
        title={
          worker === null
            ? t("transcript.empty_starting_anywhere", { agent })
            : t("transcript.empty_starting", { agent, worker })
        }
        note={<Elapsed since={updated_at} />}
      />
    );
  }
  if (state === "stopped") return <Note title={t("transcript.empty_over")} />;
  return <Note title={t("transcript.empty", { cwd })} />;
}

function Note({ title, note }: { readonly title: string; readonly note?: React.ReactNode }) {
  return (
    <div className="flex min-h-0 flex-1 items-center justify-center overflow-auto">
      <EmptyNote title={title} note={note} />
    </div>
  );
}
