/** Something that happened to the session: a crash, a stop, a sign-in, a note of the log. */
import { memo } from "react";
import { resumeSession } from "@/commands/resume-session";
import { sendPrompt } from "@/commands/send-prompt";
import { useStore } from "@/bind/store";
import { t } from "@/i18n";
import { cx } from "@/lib/cx";
import { HiddenText } from "@/parts/hidden-text";
import type { ItemOf } from "@/store/items";
import type { Session } from "@/store/types";
import { placeOf } from "@/store/transcript";
import { Button } from "@/ui/button";
import { Icon } from "@/ui/icon";
import { noteWords, type NoteWords } from "./note-words";

type NoteRowProps = {
  readonly item: ItemOf<"note">;
  readonly session: Pick<Session, "id" | "agent" | "worker" | "state">;
  /** Whether anything but the end of it came after. */
  readonly place: "last" | "before";
};

const tones: Record<NoteWords["tone"], string> = {
  plain: "text-3",
  bad: "text-bad-ink",
  warn: "text-warn-ink",
  good: "text-good-ink",
  attention: "text-attention-ink",
};

export const NoteRow = memo(function NoteRow({ item, session, place }: NoteRowProps) {
  const { agent, worker } = session;
  const words = noteWords(item.event, { agent, worker, now: Date.now() });
  if (words === null) return null;
  const offers = words.offers === "go_on" && place === "last" && session.state === "stopped";
  return (
    <div className="flex items-start gap-1.5 px-1 py-1">
      <span className={cx("mt-0.5 ml-[18px]", tones[words.tone])}>
        <Icon name={words.icon} />
      </span>
      <div className="min-w-0 flex-1">
        <p className={cx("break-words", tones[words.tone])}>
          <HiddenText text={words.text} />
        </p>
        {offers && <GoOn session={session.id} turn={item.turn} />}
      </div>
    </div>
  );
});

function GoOn({ session, turn }: { readonly session: string; readonly turn: string | null }) {
  const store = useStore();
  const again = () => {
    const transcript = store.get().logs.get(session)?.transcript;
    const place = transcript && turn !== null ? placeOf(transcript, `prompt:${turn}`) : null;
    const prompt = place === null ? undefined : transcript?.items[place];
    if (prompt?.kind === "prompt") void sendPrompt(store, session, prompt.content);
  };
  return (
    <div className="mt-1 flex flex-wrap gap-2">
      <Button size="sm" onClick={() => void resumeSession(store, session)}>
        {t("transcript.note.resume")}
      </Button>
      {turn !== null && (
        <Button size="sm" onClick={again}>
          {t("transcript.note.send_again")}
        </Button>
      )}
    </div>
  );
}
