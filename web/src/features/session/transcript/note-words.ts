/** What a note says, and how loud. */
import { t } from "@/i18n";
import { clock, instant } from "@/i18n/format";
import type { KnownEvent } from "@/store/types";
import type { IconName } from "@/ui/icon";

export type NoteWords = {
  readonly text: string;
  readonly tone: "plain" | "bad" | "warn" | "good" | "attention";
  readonly icon: IconName;
  /** What can be done about it. */
  readonly offers: "nothing" | "go_on";
  readonly hint?: string;
};

export type NoteContext = {
  readonly agent: string;
  readonly worker: string | null;
  readonly now: number;
};

export function noteWords(event: KnownEvent, { agent, worker, now }: NoteContext): NoteWords | null {
  const plain = { tone: "plain", icon: "info", offers: "nothing" } as const;
  switch (event.type) {
    case "attempt_failed":
      return failed(event, now);
    case "agent_auth_required":
      return {
        ...plain,
        text: t("transcript.note.sign_in_wanted", { agent }),
        tone: "attention",
        icon: "key",
      };
    case "agent_sign_in_requested": {
      const { by, method } = event;
      return { ...plain, text: t("transcript.note.sign_in_requested", { by, method }), icon: "key" };
    }
    case "agent_signed_in":
      return {
        ...plain,
        text: t("transcript.note.signed_in", { method: event.method }),
        tone: "good",
        icon: "key",
      };
    case "agent_sign_in_failed": {
      const { method, detail } = event;
      return {
        ...plain,
        text: t("transcript.note.sign_in_failed", { method, detail }),
        tone: "bad",
        icon: "key",
      };
    }
    case "config_rejected": {
      const { option, detail } = event;
      return {
        ...plain,
        text: t("transcript.note.config_rejected", { agent, option, detail }),
        tone: "warn",
      };
    }
    case "session_stopped":
      return stopped(event, worker);
    case "session_hibernated":
      return { ...plain, text: t("transcript.note.hibernated"), icon: "moon" };
    case "session_kept_awake":
      return { ...plain, text: t("transcript.note.kept_awake", { detail: event.detail }), icon: "moon" };
    case "session_created": {
      const from = event.fork?.session;
      if (from === undefined) return null;
      return { ...plain, text: t("transcript.note.forked", { id: shortId(from) }), icon: "fork" };
    }
    case "session_cleared":
      return { ...plain, text: t("transcript.note.cleared", { by: event.by }) };
    case "session_rewound":
      return { ...plain, text: t("transcript.note.rewound", { by: event.by, number: event.number }) };
    case "repair_completed":
      return { ...plain, text: t("transcript.note.repaired", { by: event.by }) };
    case "turn_inactive":
      return {
        ...plain,
        text: t("transcript.note.inactive", { agent, seconds: event.silent }),
        tone: "warn",
      };
    case "session_unhealthy":
      return { ...plain, text: t("transcript.note.unhealthy", { detail: event.detail }), tone: "warn" };
    case "session_recovered":
      return { ...plain, text: t("transcript.note.recovered") };
    case "agent_context_lost":
      return {
        ...plain,
        text: t("transcript.note.context_lost", { agent, detail: event.detail }),
        tone: "warn",
      };
    case "workspace_ready": {
      const { cwd, branch, worktree_of } = event.workspace;
      if (worktree_of !== undefined) {
        return { ...plain, text: t("transcript.note.workspace_worktree", { cwd }), icon: "branch" };
      }
      const text =
        branch === undefined
          ? t("transcript.note.workspace", { cwd })
          : t("transcript.note.workspace_branch", { cwd, branch });
      return { ...plain, text, icon: "folder" };
    }
    case "log_note":
      return { ...plain, text: t("transcript.note.log_note", { detail: event.detail }), tone: "warn" };
    default:
      return null;
  }
}

/** As people type it: the last of its digits. */
function shortId(id: string): string {
  return id.slice(-6);
}

function failed({ failure, at }: Extract<KnownEvent, { type: "attempt_failed" }>, now: number): NoteWords {
  const time = clock(instant(at) ?? now, now);
  const gone = failure.kind === "process_exit" || failure.kind === "transport_failure";
  const { summary, hint } = failure;
  return {
    text: gone
      ? t("transcript.note.crash", { time, summary })
      : t("transcript.note.failed", { time, summary }),
    tone: "bad",
    icon: "warn",
    offers: "go_on",
    ...(hint === undefined ? {} : { hint }),
  };
}

function stopped(
  { cause, detail, verified, step }: Extract<KnownEvent, { type: "session_stopped" }>,
  worker: string | null,
): NoteWords {
  const why = t(`session.cause.${cause}`);
  const how =
    detail === undefined || detail === ""
      ? t("transcript.note.stopped", { cause: why })
      : t("transcript.note.stopped_detail", { cause: why, detail });
  const proof = verified
    ? t("transcript.note.verified")
    : worker === null
      ? t("transcript.note.unverified")
      : t("transcript.note.unverified_on", { worker });
  const took = step === undefined ? [] : [t(`session.step.${step}`)];
  return {
    text: [how, ...took, proof].join(" "),
    tone: verified ? "plain" : "warn",
    icon: "stop",
    offers: "nothing",
  };
}
