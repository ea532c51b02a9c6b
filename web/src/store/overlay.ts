/**
 * Commands that are out. What the server confirmed is never edited by a guess: a view is the confirmed state and these on top.
 * A command goes when the reply or an event with its key comes, or when it is refused.
 */
import type { ContentBlock, Problem, Session, SessionId, TurnId } from "./types";

/** What somebody asked for, by its `Idempotency-Key`. `at` is milliseconds since 1970. */
export type Pending = {
  readonly key: string;
  readonly at: number;
  readonly session: SessionId;
  /** Answered, but what it did is not in view yet: it is once the log has this `seq`; `null` if the reply did not say. */
  readonly reached?: number | null;
} & Wanted;

export type Wanted =
  | { readonly kind: "create"; readonly title: string; readonly agent: string; readonly cwd: string }
  /** Whether it will wait, as of the moment it was sent: there it stays until the log says what became of it. */
  | { readonly kind: "prompt"; readonly content: readonly ContentBlock[]; readonly waits?: boolean }
  | { readonly kind: "edit_queued"; readonly turn: TurnId; readonly content: readonly ContentBlock[] }
  | { readonly kind: "move_queued"; readonly turn: TurnId; readonly position: number }
  | { readonly kind: "drop_queued"; readonly turn: TurnId }
  | { readonly kind: "rename"; readonly title: string }
  | { readonly kind: "archive"; readonly archived: boolean }
  | { readonly kind: "set"; readonly option: string; readonly value: unknown }
  | { readonly kind: "permissions"; readonly mode: Session["effective_permissions"] }
  | { readonly kind: "decide"; readonly request: string; readonly option: string }
  | { readonly kind: "answer"; readonly request: string }
  | { readonly kind: "authenticate"; readonly method: string }
  // Of these only the intent is shown: "Stopping…", and the outcome when its event comes.
  | { readonly kind: "cancel" }
  | { readonly kind: "stop"; readonly mode: "graceful" | "now" }
  | { readonly kind: "resume" }
  | { readonly kind: "hibernate" }
  | { readonly kind: "clear" }
  /** Takes the conversation back to before a turn's prompt: what follows is out of sight at once. */
  | { readonly kind: "rewind"; readonly turn: TurnId }
  | { readonly kind: "repair" }
  | { readonly kind: "fork" }
  | { readonly kind: "delete" };

export type Kind = Wanted["kind"];

/** A session that was asked for. Its `session` is a name of our own, `new:KEY`. */
export type Created = Pending & { readonly kind: "create" };

/** A command that the server refused, at the place where it was given. */
export type Refusal = { readonly command: Pending; readonly problem: Problem };

/** The commands of one kind for a session. */
export function pendingOf<K extends Kind>(
  pending: readonly Pending[],
  session: SessionId,
  kind: K,
): (Pending & { kind: K })[] {
  return pending.filter(
    (command): command is Pending & { kind: K } => command.session === session && command.kind === kind,
  );
}

/** A session as it will be if the server agrees. The same object if nothing is out for it. */
export function withPending(session: Session, pending: readonly Pending[]): Session {
  let next = session;
  for (const command of pending) {
    if (command.session !== session.id) continue;
    switch (command.kind) {
      case "rename":
        next = { ...next, title: command.title };
        break;
      case "archive":
        next = { ...next, archived: command.archived };
        break;
      case "permissions":
        next = { ...next, effective_permissions: command.mode };
        break;
      case "set":
        next = {
          ...next,
          config_options: next.config_options.map((option) =>
            option.id === command.option ? { ...option, value: command.value } : option,
          ),
        };
        break;
      case "decide":
        next = withoutAsk(next, {
          pending_permissions: next.pending_permissions.filter((asked) => asked.request !== command.request),
        });
        break;
      case "answer":
        next = withoutAsk(next, {
          pending_elicitations: next.pending_elicitations.filter(
            (asked) => asked.request !== command.request,
          ),
        });
        break;
      case "create":
      case "prompt":
      case "edit_queued":
      case "move_queued":
      case "drop_queued":
      case "authenticate":
      case "cancel":
      case "stop":
      case "resume":
      case "hibernate":
      case "clear":
      case "rewind":
      case "repair":
      case "fork":
      case "delete":
        break;
    }
  }
  return next;
}

/** Who has answered all that was asked is not needed any more. */
function withoutAsk(
  session: Session,
  left: Partial<Pick<Session, "pending_permissions" | "pending_elicitations">>,
): Session {
  const next = { ...session, ...left };
  const waits = next.pending_permissions.length + next.pending_elicitations.length > 0;
  if (waits || next.badge !== "needs-you") return next;
  return { ...next, badge: "running", needs_you_since: null };
}

/** What was asked for of which only the intent is shown: "Stopping…". The last of them. */
export function intentOf(pending: readonly Pending[], session: SessionId): Intent | null {
  for (let at = pending.length - 1; at >= 0; at -= 1) {
    const command = pending[at];
    if (command?.session !== session) continue;
    const { kind } = command;
    if (kind === "cancel" || kind === "stop" || kind === "resume" || kind === "delete") return kind;
  }
  return null;
}

export type Intent = Extract<Kind, "cancel" | "stop" | "resume" | "delete">;

/** Whether a prompt that is sent now waits: a turn is on, or others wait before it. */
export function willWait(session: { readonly turn: unknown; readonly queue_length: number }): boolean {
  return session.turn !== null || session.queue_length > 0;
}
