/** Why a session is in the state it is in, in one sentence. Only what the server said. */
import { t } from "@/i18n";
import { clock, instant } from "@/i18n/format";
import type { Session } from "@/store/types";

export function evidence(session: Session, now: number): string {
  const { state, turn, waiting, failure, agent } = session;
  const open = session.pending_permissions.length + session.pending_elicitations.length;
  if (open > 0) return t("session.evidence.permission", { count: open });
  if (session.badge === "waiting-for-auth") return t("session.evidence.sign_in", { agent });
  if (session.badge === "failed" && failure)
    return t("session.evidence.failed", { summary: failure.summary });
  if (waiting !== null) return t("session.head.waits", { detail: waiting.detail });
  switch (state) {
    case "stopped":
      return stopped(session);
    case "hibernated":
      return t("session.evidence.hibernated");
    case "starting":
      return t("session.evidence.starting", { agent });
    case "idle":
      return t("session.evidence.idle");
    default:
      break;
  }
  if (turn === null) return "";
  const { number, cancelled_by: by } = turn;
  if (by !== null) return t("session.evidence.canceling", { number, by });
  return t("session.evidence.running", { number, time: clock(instant(turn.started_at) ?? now, now) });
}

function stopped({ stop_cause, stop_detail, failure }: Session): string {
  if (stop_cause === null) return "";
  const cause = t(`session.cause.${stop_cause}`);
  const detail = stop_detail ?? failure?.summary;
  return detail
    ? t("session.evidence.stopped_with", { cause, detail })
    : t("session.evidence.stopped", { cause });
}
