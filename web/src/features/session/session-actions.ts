/** All that can be done with a session, each declared once: bar, menu, palette and keys show and perform these. */
import { archiveSession, unarchiveSession } from "@/commands/archive-session";
import { cancelTurn } from "@/commands/cancel-turn";
import { resumeSession } from "@/commands/resume-session";
import { t } from "@/i18n";
import type { Kind } from "@/store/overlay";
import type { Session } from "@/store/types";
import type { Store } from "@/sync/store";
import type { IconName } from "@/ui/icon";

/** A layer of the session's head that an action opens. */
export type Layer = "none" | "rename" | "stop" | "delete" | "options";

export type ActionContext = {
  readonly store: Store;
  readonly session: Session;
  /** Kinds of commands that are out for it. */
  readonly out: readonly Kind[];
  readonly open: (layer: Layer) => void;
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
  return [...lifecycle(context), ...ending(context), ...copying(context)];
}

export function isOver({ state }: Session): boolean {
  return state === "stopped";
}

function lifecycle({ store, session, out, open }: ActionContext): readonly SessionAction[] {
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
