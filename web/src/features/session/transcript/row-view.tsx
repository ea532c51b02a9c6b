/** One row of the transcript, by its kind. */
import { memo } from "react";
import { t } from "@/i18n";
import type { Row } from "@/store/rows";
import type { EventOf, Session } from "@/store/types";
import { PermissionRow, QuestionRow } from "./asked-rows";
import { EndRow } from "./end-row";
import { GroupRow } from "./group-row";
import { MessageRow } from "./message-row";
import { NoteRow } from "./note-row";
import { PlanRow } from "./plan-row";
import { RefusedRow } from "./refused-row";
import { ThoughtRow } from "./thought-row";
import { ToolRow } from "./tool-row";
import { PendingRow, TurnRow } from "./turn-row";
import { UnknownRow } from "./unknown-row";

export type RowViewProps = {
  readonly row: Row;
  readonly session: Pick<Session, "id" | "agent" | "worker" | "state">;
  readonly cwd: string;
  readonly place: "last" | "before";
  readonly decided: EventOf<"permission_decided">["decision"] | null;
};

export const RowView = memo(function RowView({ row, session, cwd, place, decided }: RowViewProps) {
  switch (row.kind) {
    case "turn":
      return <TurnRow row={row} session={session.id} />;
    case "message":
      return <MessageRow item={row.item} session={session.id} />;
    case "thought":
      return <ThoughtRow item={row.item} />;
    case "tool":
      return <ToolRow item={row.item} cwd={cwd} place={place} decided={decided} />;
    case "group":
      return <GroupRow row={row} cwd={cwd} />;
    case "plan":
      return <PlanRow row={row} />;
    case "permission":
      return <PermissionRow item={row.item} cwd={cwd} />;
    case "question":
      return <QuestionRow item={row.item} />;
    case "end":
      return <EndRow row={row} agent={session.agent} />;
    case "note":
      return <NoteRow item={row.item} session={session} place={place} />;
    case "unknown":
      return <UnknownRow item={row.item} />;
    case "pending":
      return <PendingRow row={row} />;
    case "refused":
      return <RefusedRow row={row} />;
    case "rewinding":
      return (
        <p role="status" className="px-1 py-2 text-3">
          {t("transcript.turn.rewinding")}
        </p>
      );
    case "new":
      return <NewLine />;
    case "start":
    case "older":
    case "newer":
      return null;
  }
});

function NewLine() {
  return (
    <div className="flex items-center gap-2 py-1 text-sm text-accent-text">
      <span aria-hidden className="h-px flex-1 bg-accent" />
      {t("transcript.new")}
      <span aria-hidden className="h-px flex-1 bg-accent" />
    </div>
  );
}
