/** What can be done on every page. */
import type { Action } from "@/bind/actions";
import type { Nav } from "@/bind/nav";
import { t } from "@/i18n";

export type Layers = { readonly palette: () => void; readonly keys: () => void };

/** Opens the next session that waits for somebody, or the one before; where nobody waits it does nothing. */
export type ToNeeded = (step: 1 | -1) => void;
/** From the session that is open to the one beside it in the list. */
export type ToNeighbor = (step: 1 | -1) => void;

export type Steps = { readonly needed: ToNeeded; readonly neighbor: ToNeighbor };

export function globalActions(nav: Nav, layers: Layers, { needed, neighbor }: Steps): readonly Action[] {
  const group = t("app.keys.everywhere");
  return [
    {
      id: "palette",
      name: t("app.palette.title"),
      group,
      keys: ["Mod+K"],
      in_fields: true,
      perform: layers.palette,
    },
    { id: "keys", name: t("app.keys.title"), group, keys: ["?"], perform: layers.keys },
    { id: "new", name: t("app.nav.new"), group, keys: ["c"], perform: () => nav.go({ to: "new" }) },
    { id: "needed", name: t("app.needed.next"), group, keys: ["n"], perform: () => needed(1) },
    {
      id: "needed.before",
      name: t("app.needed.before"),
      group,
      keys: ["Shift+N"],
      perform: () => needed(-1),
    },
    {
      id: "neighbor.before",
      name: t("app.neighbor.before"),
      group,
      keys: ["["],
      perform: () => neighbor(-1),
    },
    { id: "neighbor.next", name: t("app.neighbor.next"), group, keys: ["]"], perform: () => neighbor(1) },
    { id: "home", name: t("app.nav.home"), group, perform: () => nav.go({ to: "home" }) },
    { id: "workers", name: t("app.nav.workers"), group, perform: () => nav.go({ to: "workers" }) },
    { id: "agents", name: t("app.nav.agents"), group, perform: () => nav.go({ to: "agents" }) },
    { id: "settings", name: t("app.nav.settings"), group, perform: () => nav.go({ to: "settings" }) },
    { id: "about", name: t("app.nav.about"), group, perform: () => nav.go({ to: "about" }) },
  ];
}
