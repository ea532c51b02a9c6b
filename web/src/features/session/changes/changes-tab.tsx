/** What a session changed in its directory: the files, and the one that is looked at. */
import { useCallback, useEffect, useRef, useState } from "react";
import { useQuestion } from "@/bind/questions";
import { useSelect } from "@/bind/store";
import { t } from "@/i18n";
import { CopyButton } from "@/parts/copy-button";
import { Diff } from "@/parts/diff/diff";
import { DiffStat } from "@/parts/diff/diff-stat";
import { EmptyNote } from "@/parts/empty-note";
import { LoadingNote } from "@/parts/loading-note";
import { ProblemNote } from "@/parts/problem-note";
import type { State } from "@/store/state";
import type { FileChanges } from "@/api/gen";
import { Button } from "@/ui/button";
import { Select } from "@/ui/select";
import { usePhone } from "@/ui/use-media";
import type { TabProps } from "../session-tabs";
import { FileList } from "./file-list";
import { patchOf } from "./patch";

export function ChangesTab({ session }: TabProps) {
  const asked = useQuestion("changes", [session.id]);
  const edits = useSelect(useCallback((state: State) => lastEdit(state, session.id), [session.id]));
  const again = useRef<() => void>(() => undefined);
  again.current = asked.is === "loading" ? () => undefined : asked.again;
  // No event tells of files; the end of an edit or of a turn does.
  const first = useRef(edits);
  useEffect(() => {
    if (first.current === edits) return;
    first.current = edits;
    again.current();
  }, [edits]);
  switch (asked.is) {
    case "loading":
      return <LoadingNote label={t("changes.loading")} />;
    case "problem":
      // A directory without git is a fact, not a fault.
      if (asked.problem.code === "worktree_not_git") {
        return <EmptyNote title={t("changes.no_git")} note={t("changes.no_git_note")} />;
      }
      return (
        <div className="p-3">
          <ProblemNote problem={asked.problem} onRetry={asked.again} />
        </div>
      );
    case "ready":
      return <Changes changes={asked.data} asking={asked.asking} onAgain={asked.again} />;
  }
}

/** The last event after which files may be others. */
function lastEdit(state: State, id: string): number {
  const items = state.logs.get(id)?.transcript.items ?? [];
  for (let at = items.length - 1; at >= 0; at -= 1) {
    const item = items[at];
    if (item?.kind === "note" && item.event.type === "turn_ended") return item.seq;
    if (item?.kind !== "tool" || item.call.status !== "completed") continue;
    if (["edit", "delete", "move", "execute"].includes(item.call.kind ?? "")) return item.version;
  }
  return 0;
}

type ChangesProps = {
  readonly changes: FileChanges;
  readonly asking: boolean;
  readonly onAgain: () => void;
};

function Changes({ changes, asking, onAgain }: ChangesProps) {
  const [chosen, setChosen] = useState<string | null>(null);
  const [layout, setLayout] = useState<"unified" | "wide">("unified");
  const phone = usePhone();
  const { files } = changes;
  const file = files.find((one) => one.path === chosen) ?? files[0];
  if (file === undefined) {
    return (
      <EmptyNote title={t("changes.empty")} note={t("changes.empty_note", { root: changes.root })}>
        <Button onClick={onAgain} working={asking}>
          {t("changes.again")}
        </Button>
      </EmptyNote>
    );
  }
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <header className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line px-3 py-1.5">
        <h2>{t("changes.files", { count: files.length })}</h2>
        <DiffStat added={changes.additions} removed={changes.deletions} />
        {changes.branch === null ? null : (
          <span className="truncate text-2">{t("changes.on", { branch: changes.branch })}</span>
        )}
        {changes.commits === 0 ? null : (
          <span className="text-2">{t("changes.commits", { count: changes.commits })}</span>
        )}
        <span className="flex-1" />
        {phone ? null : (
          <Select
            look="quiet"
            aria-label={t("changes.layout.label")}
            value={layout}
            onChange={setLayout}
            options={[
              { id: "unified", label: t("changes.layout.unified") },
              { id: "wide", label: t("changes.layout.wide") },
            ]}
          />
        )}
        <CopyButton look="word" label={t("changes.copy")} text={() => patchOf(files)} />
        <Button size="sm" look="quiet" icon="refresh" working={asking} onClick={onAgain}>
          {t("changes.again")}
        </Button>
      </header>
      {changes.truncated ? (
        <p className="border-b border-line bg-warn-tint px-3 py-1 text-warn-ink">{t("changes.truncated")}</p>
      ) : null}
      <div className="flex min-h-0 flex-1 phone:flex-col">
        <FileList files={files} chosen={file.path} onChoose={setChosen} look={phone ? "drop" : "side"} />
        <div className="min-h-0 min-w-0 flex-1 overflow-auto p-3">
          {file.diff ? (
            <Diff
              key={file.path}
              path={file.path}
              change={{ is: "patch", patch: file.diff }}
              layout={phone ? "unified" : layout}
            />
          ) : (
            <p className="text-2">
              {file.additions === null || file.additions === undefined
                ? t("changes.binary")
                : t("changes.too_large")}
            </p>
          )}
        </div>
      </div>
    </div>
  );
}
