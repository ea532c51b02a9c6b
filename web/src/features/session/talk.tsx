/** The talk of a session: what was said and done, what is asked of a person, and the box to go on with. */
import { useDeferredValue, useMemo, useState } from "react";
import { t } from "@/i18n";
import { useStore } from "@/bind/store";
import { LoadingNote } from "@/parts/loading-note";
import { ProblemNote } from "@/parts/problem-note";
import type { ItemOf } from "@/store/items";
import type { Session } from "@/store/types";
import { ComposerArea } from "./composer/composer-area";
import { EmptyTalk } from "./empty-talk";
import { RewindProvider, whyNot } from "./rewind/rewind";
import { Feed, type Finding } from "./transcript/feed";
import { useRows, useWindow } from "./transcript/use-rows";
import { useTurnNews } from "./use-turn-news";

type TalkProps = {
  readonly session: Session;
  readonly at: number | null;
  readonly keys: "on" | "off";
  readonly finding: Finding;
};

export function Talk({ session, at, keys, finding }: TalkProps) {
  const [sent, setSent] = useState(0);
  /** The message to before which the conversation shall be taken back. */
  const [back, setBack] = useState<ItemOf<"prompt"> | null>(null);
  const blocked = whyNot(session);
  const rewind = useMemo(() => ({ blocked, begin: setBack }), [blocked]);
  useTurnNews(session);
  return (
    <div className="flex min-h-0 min-w-0 flex-1 flex-col">
      <RewindProvider value={rewind}>
        <TalkBody session={session} at={at} keys={keys} sent={sent} finding={finding} />
      </RewindProvider>
      <ComposerArea
        session={session}
        keys={keys}
        back={back}
        onBack={() => setBack(null)}
        onSent={() => setSent((times) => times + 1)}
      />
    </div>
  );
}

function TalkBody({ session, at, keys, sent, finding }: TalkProps & { readonly sent: number }) {
  const store = useStore();
  const { is, failed, loading } = useWindow(session.id);
  // Drawn after what stands around it and in pieces, so that the browser answers between them.
  const ready = useDeferredValue(is === "ready", false);
  const rows = useRows(session.id, null);
  if (is === "asked" && failed !== null && loading === "nothing") {
    return (
      <div className="mx-auto w-full max-w-4xl flex-1 px-3 py-6">
        <ProblemNote problem={failed} onRetry={() => store.put({ is: "opened", session: session.id, at })} />
      </div>
    );
  }
  if (is === "asked" || !ready) {
    return (
      <div className="mx-auto w-full max-w-4xl flex-1">
        <LoadingNote label={t("transcript.loading")} rows={5} />
      </div>
    );
  }
  const isEmpty = rows.every((row) => row.kind === "start" || row.kind === "note") && rows.length <= 2;
  if (isEmpty && sent === 0) return <EmptyTalk session={session} />;
  return <Feed session={session} at={at} keys={keys} sent={sent} finding={finding} />;
}
