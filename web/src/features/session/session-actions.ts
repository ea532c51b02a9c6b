/** All that can be done with a session, each declared once: bar, menu, palette and keys show and perform these. */
import { archiveSession, unarchiveSession } from "@/commands/archive-session";
import { cancelTurn } from "@/commands/cancel-turn";
import { hibernateSession } from "@/commands/hibernate-session";
import { resumeSession } from "@/commands/resume-session";
import { t } from "@/i18n";
import { isDamaged } from "@/store/damage";
import type { Kind } from "@/store/overlay";
import type { Session } from "@/store/types";
import type { Store } from "@/sync/store";
import type { IconName } from "@/ui/icon";

/** A layer of the session's head that an action opens. */
export type Layer = "none" | "rename" | "stop" | "sleep" | "clear" | "fork" | "repair" | "delete" | "options";

/** The facts beside the talk, and what shows or hides them. */
export type FactsBeside = { readonly are: "shown" | "hidden"; readonly toggle: () => void };

export type ActionContext = {
  readonly store: Store;
  readonly session: Session;
  /** Kinds of commands that are out for it. */
  readonly out: readonly Kind[];
  readonly open: (layer: Layer) => void;
  /** Looks for a text in the transcript, where it is shown. */
  readonly find: (() => void) | undefined;
  readonly facts: FactsBeside | undefined;
  readonly copy: (text: string) => void;
  readonly download: (path: string) => void;
  /** The whole address of this session. */
  readonly address: string;
};

export type SessionAction = {
  readonly id: string;
  readonly name: string;
  readonly icon: IconName;
  readonly keys?: readonly string[];
  readonly in_fields?: boolean;
  readonly tone?: "bad";
  /** Whether it stands in the bar also where there is little room. */
  readonly urgent?: true;
  /** `bar`: a button where there is room, else in the menu. The number is its group in the menu. */
  readonly place: "bar" | 0 | 1 | 2 | 3;
  readonly visible: boolean;
  /** Why it cannot be done now. */
  readonly blocked?: string;
  readonly perform: () => void;
};

export function sessionActions(context: ActionContext): readonly SessionAction[] {
  return [...lifecycle(context), ...conversation(context), ...ending(context), ...copying(context)];
}

export function isOver({ state }: Session): boolean {
  return state === "stopped";
}

/** Whether its agent, by its own account, can open a conversation again after its process has ended. */
export function canReopen({ capabilities }: Pick<Session, "capabilities">): boolean {
  return capabilities?.loadSession === true || announces(capabilities, "resume");
}

/** Whether its agent, by its own account, can fork its own session. */
export function canFork({ capabilities }: Pick<Session, "capabilities">): boolean {
  return announces(capabilities, "fork");
}

function announces(capabilities: Session["capabilities"], what: string): boolean {
  const more: unknown = capabilities?.sessionCapabilities;
  return typeof more === "object" && more !== null && (more as Record<string, unknown>)[what] != null;
}

function lifecycle({ store, session, out, open, find, facts }: ActionContext): readonly SessionAction[] {
  const { id, state, turn } = session;
  const cancelling = out.includes("cancel") || turn?.cancelled_by != null;
  return [
    {
      id: "session.cancel",
      name: cancelling ? t("session.action.canceling") : t("session.action.cancel"),
      icon: "stop",
      keys: ["Mod+."],
      in_fields: true,
      urgent: true,
      place: "bar",
      visible: turn !== null && state === "running",
      ...(cancelling ? { blocked: t("session.action.canceling") } : {}),
      perform: () => void cancelTurn(store, id),
    },
    {
      id: "session.resume",
      name: out.includes("resume") ? t("session.action.resuming") : t("session.action.resume"),
      icon: "play",
      place: "bar",
      visible: state === "stopped" || state === "hibernated",
      perform: () => void resumeSession(store, id),
    },
    {
      id: "session.find",
      name: t("session.action.find"),
      icon: "search",
      keys: ["Mod+F"],
      in_fields: true,
      place: 0,
      visible: find !== undefined,
      perform: () => find?.(),
    },
    {
      id: "session.facts",
      name: facts?.are === "shown" ? t("session.aside.hide") : t("session.aside.show"),
      icon: "sidebar",
      place: 0,
      visible: facts !== undefined,
      perform: () => facts?.toggle(),
    },
    {
      id: "session.rename",
      name: t("session.action.rename"),
      icon: "pencil",
      keys: ["r"],
      place: 0,
      visible: true,
      perform: () => open("rename"),
    },
    {
      id: "session.options",
      name: t("session.action.options"),
      icon: "gear",
      place: 0,
      visible: true,
      perform: () => open("options"),
    },
  ];
}

/** What is done with the conversation and the process that holds it. */
function conversation({ store, session, out, open }: ActionContext): readonly SessionAction[] {
  const { id, state, archived, turn, queue_length: waiting } = session;
  const works = turn !== null || waiting > 0 || !["idle", "hibernated", "stopped"].includes(state);
  const clearing = out.includes("clear");
  const said = session.last_turn !== null || session.forked_from !== null;
  return [
    {
      id: "session.sleep",
      name: out.includes("hibernate") ? t("session.action.falling_asleep") : t("session.action.sleep"),
      icon: "moon",
      place: 0,
      visible: state === "idle",
      ...(out.includes("hibernate") ? { blocked: t("session.action.falling_asleep") } : {}),
      // One that forgets nothing is put to sleep without a question.
      perform: () => (said && !canReopen(session) ? open("sleep") : void hibernateSession(store, id)),
    },
    {
      id: "session.fork",
      name: t("session.action.fork"),
      icon: "fork",
      place: 0,
      visible: said,
      perform: () => open("fork"),
    },
    {
      id: "session.clear",
      name: clearing ? t("session.action.clearing") : t("session.action.clear"),
      icon: "spark",
      place: 0,
      visible: said && !archived,
      ...(clearing
        ? { blocked: t("session.action.clearing") }
        : works
          ? { blocked: t("session.action.when_idle") }
          : {}),
      perform: () => open("clear"),
    },
    {
      id: "session.repair",
      name: out.includes("repair")
        ? t("session.action.repairing")
        : isDamaged(session)
          ? t("session.action.repair")
          : t("session.action.check"),
      icon: "tool",
      urgent: true,
      place: isDamaged(session) ? "bar" : 0,
      visible: state === "stopped" || state === "hibernated",
      ...(out.includes("repair") ? { blocked: t("session.action.repairing") } : {}),
      perform: () => open("repair"),
    },
  ];
}

function ending({ store, session, out, open }: ActionContext): readonly SessionAction[] {
  const { id, archived, state } = session;
  const stopping = out.includes("stop") || state === "stopping";
  const first = isOver(session) ? {} : { blocked: t("session.action.stop_first") };
  return [
    {
      id: "session.stop",
      name: stopping ? t("session.action.stopping") : t("session.action.stop"),
      icon: "pause",
      place: "bar",
      visible: !isOver(session),
      ...(stopping ? { blocked: t("session.action.stopping") } : {}),
      perform: () => open("stop"),
    },
    {
      id: "session.archive",
      name: archived ? t("session.action.unarchive") : t("session.action.archive"),
      icon: "box",
      keys: ["e"],
      place: 3,
      visible: true,
      ...(archived ? {} : first),
      perform: () => void (archived ? unarchiveSession(store, id) : archiveSession(store, id)),
    },
    {
      id: "session.delete",
      name: out.includes("delete") ? t("session.action.deleting") : t("session.action.delete"),
      icon: "trash",
      tone: "bad",
      place: 3,
      visible: true,
      ...first,
      perform: () => open("delete"),
    },
  ];
}

function copying({ session, copy, download, address }: ActionContext): readonly SessionAction[] {
  const { id, short_id } = session;
  const one = (name: string, icon: IconName, place: 1 | 2, perform: () => void, keys?: string) => ({
    id: `session.${icon}.${name}`,
    name,
    icon,
    place,
    visible: true,
    perform,
    ...(keys === undefined ? {} : { keys: [keys] }),
  });
  const path = (format: string) => `/v1/sessions/${encodeURIComponent(id)}/export?format=${format}`;
  return [
    one(t("session.action.copy_link"), "link", 1, () => copy(address), "y"),
    one(t("session.action.copy_id"), "copy", 1, () => copy(id)),
    one(t("session.action.copy_short_id"), "copy", 1, () => copy(short_id)),
    one(t("session.action.export_md"), "download", 2, () => download(path("md"))),
    one(t("session.action.export_jsonl"), "download", 2, () => download(path("jsonl"))),
  ];
}
