/** The one line that says what a session is at: what it asks, why it waits, what it failed of, or what its agent said last. */
import { t } from "@/i18n";
import type { Session } from "@/store/types";

export type RowLine = { readonly text: string; readonly tone: "plain" | "attention" | "bad" };

export function rowLine(session: Session): RowLine {
  const [asked] = session.pending_permissions;
  if (asked) {
    const text = t("home.line.asks", { what: asked.tool_call.title ?? asked.tool_call.kind ?? "" });
    return { text, tone: "attention" };
  }
  const [question] = session.pending_elicitations;
  if (question) return { text: question.message, tone: "attention" };
  if (session.badge === "waiting-for-auth") {
    return {
      text: t("home.line.sign_in", { agent: session.agent_title ?? session.agent }),
      tone: "attention",
    };
  }
  if (session.badge === "pending" && session.waiting !== null) {
    return { text: t("home.line.waits", { why: session.waiting.detail }), tone: "plain" };
  }
  if (session.failure !== null && session.state === "stopped") {
    return { text: session.failure.summary, tone: "bad" };
  }
  return { text: session.last_line?.text ?? "", tone: "plain" };
}
