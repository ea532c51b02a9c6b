/** What a notification says of a session, and where it leads. */
import { t } from "@/i18n";
import type { Notice } from "@/store/fold";
import type { State } from "@/store/state";
import type { Session } from "@/store/types";
import { hrefOf } from "./places";

export function noticeWords(notice: Notice, state: State) {
  const session = state.list.sessions.get(notice.session);
  const href = hrefOf({ to: "session", id: notice.session, via: "notice" });
  const title = session ? session.title.trim() || t("session.untitled") : t("shared.product");
  return { title, body: session ? body(notice, session) : "", href };
}

function body({ why, request }: Notice, session: Session): string {
  const { agent } = session;
  switch (why) {
    case "permission": {
      const asked = session.pending_permissions.find((permission) => permission.request === request);
      const what = asked?.tool_call.title;
      return what ? t("app.notice.permission", { agent, what }) : t("app.notice.waits", { agent });
    }
    case "question": {
      const asked = session.pending_elicitations.find((question) => question.request === request);
      return asked
        ? t("app.notice.question", { agent, message: asked.message })
        : t("app.notice.waits", { agent });
    }
    case "sign_in":
      return t("app.notice.sign_in", { agent });
    case "finished": {
      const line = session.last_line?.text;
      return line ? t("app.notice.finished_with", { line }) : t("app.notice.finished");
    }
    case "failed": {
      const summary = session.last_turn?.failure?.summary ?? session.failure?.summary;
      return summary ? t("app.notice.failed_with", { summary }) : t("app.notice.failed");
    }
  }
}
