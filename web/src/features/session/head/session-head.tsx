/** The head of a session: what it is, how it is, and what can be done with it. */
import { useMemo, useState } from "react";
import { useActions, type Action } from "@/bind/actions";
import { PlaceLink, useNav } from "@/bind/nav";
import { useStore } from "@/bind/store";
import { t } from "@/i18n";
import { Badge } from "@/parts/badge";
import { useCopy } from "@/parts/use-copy";
import type { Session } from "@/store/types";
import { Button } from "@/ui/button";
import { Icon } from "@/ui/icon";
import { IconButton } from "@/ui/icon-button";
import { Menu } from "@/ui/menu";
import { usePhone } from "@/ui/use-media";
import { OptionsDialog } from "../options/options-dialog";
import { sessionActions, type FactsBeside, type Layer, type SessionAction } from "../session-actions";
import { usePendingKinds } from "../use-pending";
import { ClearDialog, DeleteDialog, SleepDialog, StopDialog } from "./confirm-dialogs";
import { download } from "./download";
import { evidence } from "./evidence";
import { ForkDialog } from "./fork-dialog";
import { Refused } from "./refused";
import { RepairDialog } from "../repair/repair-dialog";
import { SessionFacts } from "./session-facts";
import { SessionTitle } from "./session-title";

type SessionHeadProps = {
  readonly session: Session;
  /** Whether its keys act: of several side by side only one listens. */
  readonly keys: "on" | "off";
  /** Looks for a text in what is shown, where there is a transcript. */
  readonly onFind: (() => void) | undefined;
  /** The facts beside the talk, where there is room for them. */
  readonly facts: FactsBeside | undefined;
  readonly onClose?: (() => void) | undefined;
};

export function SessionHead({ session, keys, onFind, facts, onClose }: SessionHeadProps) {
  const nav = useNav();
  const store = useStore();
  const phone = usePhone();
  const out = usePendingKinds(session.id);
  const { copy } = useCopy();
  const [layer, setLayer] = useState<Layer>("none");
  const address = new URL(nav.href({ to: "session", id: session.id }), location.origin).href;
  const actions = sessionActions({
    store,
    session,
    out,
    open: setLayer,
    find: onFind,
    facts,
    copy,
    download,
    address,
  });
  useActions(keys === "on" ? actions.map(offered) : []);
  const why = useMemo(() => evidence(session, Date.now()), [session]);
  // A narrow head keeps what is urgent; the rest of the bar is in the menu.
  const bar = actions.filter(
    (action) => action.place === "bar" && action.visible && (!phone || action.urgent),
  );
  const groups = [0, 1, 2, 3].map((place) =>
    actions.filter(
      (action) =>
        action.visible &&
        (action.place === place || (phone && place === 3 && action.place === "bar" && !action.urgent)),
    ),
  );
  const close = () => setLayer("none");
  return (
    <header className="relative flex min-h-11 shrink-0 items-center gap-2 border-b border-line px-2 phone:gap-1 phone:px-1">
      {onClose === undefined ? (
        <PlaceLink
          place={{ to: "home" }}
          aria-label={t("session.back")}
          className="tap inline-flex size-8 shrink-0 items-center justify-center rounded-md text-2 hover:bg-surface-2"
        >
          <Icon name="left" />
        </PlaceLink>
      ) : (
        <IconButton icon="close" label={t("session.close_beside")} onClick={onClose} />
      )}
      <SessionTitle
        session={session}
        mode={layer === "rename" ? "edited" : "shown"}
        onEdit={() => setLayer("rename")}
        onDone={close}
      />
      <span className="flex shrink-0 items-center">
        <Badge badge={session.badge} state={session.state} archived={session.archived} evidence={why} />
        <span className="sr-only">{why}</span>
      </span>
      {session.stop_verified === false && session.state === "stopped" && <Unverified session={session} />}
      {isContextLost(session) && <ContextLost agent={session.agent} />}
      <SessionFacts session={session} />
      <span className="flex-1" />
      {bar.map((action) => (
        <BarButton key={action.id} action={action} look={phone ? "icon" : "word"} />
      ))}
      <Menu
        label={t("session.action.menu")}
        closeLabel={t("shared.close")}
        groups={groups.map((group) => group.map(menuItem))}
      >
        <IconButton icon="dots" label={t("session.action.menu")} />
      </Menu>
      {layer === "stop" && <StopDialog session={session} onClose={close} />}
      {layer === "sleep" && <SleepDialog session={session} onClose={close} />}
      {layer === "clear" && <ClearDialog session={session} onClose={close} />}
      {layer === "fork" && <ForkDialog session={session} onClose={close} />}
      {layer === "repair" && <RepairDialog session={session} onClose={close} />}
      {layer === "delete" && <DeleteDialog session={session} onClose={close} />}
      {layer === "options" && <OptionsDialog session={session} onClose={close} />}
      <Refused session={session.id} />
    </header>
  );
}

function Unverified({ session }: { readonly session: Session }) {
  const { worker } = session;
  const why =
    worker === null ? t("session.head.unverified_anywhere") : t("session.head.unverified", { worker });
  return (
    <span title={why} className="shrink-0 text-warn-ink">
      {t("shared.badge.unverified")}
      <span className="sr-only">{why}</span>
    </span>
  );
}

/** Whether its agent has forgotten what was said, and was told nothing since. */
function isContextLost({ context_lost_at: lost, last_prompt_at: asked }: Session): boolean {
  return lost !== null && (asked === null || Date.parse(lost) >= Date.parse(asked));
}

function ContextLost({ agent }: { readonly agent: string }) {
  const why = t("session.head.context_lost", { agent });
  return (
    <span title={why} className="shrink-0 text-warn-ink">
      {t("shared.badge.context_lost")}
      <span className="sr-only">{why}</span>
    </span>
  );
}

type BarButtonProps = { readonly action: SessionAction; readonly look: "icon" | "word" };

function BarButton({ action, look }: BarButtonProps) {
  const { name, icon, keys, blocked, perform } = action;
  if (look === "icon") {
    return <IconButton icon={icon} label={name} disabled={blocked !== undefined} onClick={perform} />;
  }
  return (
    <Button
      size="sm"
      icon={icon}
      working={blocked !== undefined}
      aria-keyshortcuts={keys?.join(" ")}
      onClick={perform}
    >
      {name}
    </Button>
  );
}

function menuItem({ id, name, icon, keys, tone, blocked, perform }: SessionAction) {
  return {
    id,
    label: name,
    icon,
    onSelect: perform,
    ...(keys?.[0] === undefined ? {} : { keys: keys[0] }),
    ...(tone === undefined ? {} : { tone }),
    ...(blocked === undefined ? {} : { blocked }),
  };
}

function offered({ id, name, keys, in_fields, visible, blocked, perform }: SessionAction): Action {
  return {
    id,
    name,
    group: t("session.action.group"),
    visible: () => visible && blocked === undefined,
    perform,
    ...(keys === undefined ? {} : { keys }),
    ...(in_fields === undefined ? {} : { in_fields }),
  };
}
