/** The places on a phone: one bar at the bottom, within reach of a thumb. */
import { useState } from "react";
import { PlaceLink, useNav } from "@/bind/nav";
import { useSelect } from "@/bind/store";
import { t } from "@/i18n";
import { cx } from "@/lib/cx";
import { newAttention } from "@/store/attention";
import { Icon, type IconName } from "@/ui/icon";
import { Menu } from "@/ui/menu";

const attention = newAttention();

export function PhoneBar({ path, show }: { readonly path: string; readonly show: string | undefined }) {
  const nav = useNav();
  const needed = useSelect(attention).length;
  const [places] = useState(() =>
    (["workers", "agents", "settings", "about"] as const).map((to) => ({
      id: to,
      label: t(`app.nav.${to}`),
      onSelect: () => nav.go({ to }),
    })),
  );
  const home = path === "/" && show !== "needs_you";
  return (
    <nav
      aria-label={t("app.nav.label")}
      className="hidden shrink-0 border-t border-line pb-[env(safe-area-inset-bottom)] phone:flex"
    >
      <PlaceLink place={{ to: "home" }} aria-current={home ? "page" : undefined} className={tabClass(home)}>
        <Face icon="list" word={t("app.nav.home")} />
      </PlaceLink>
      <PlaceLink
        place={{ to: "home", show: "needs_you" }}
        aria-current={path === "/" && !home ? "page" : undefined}
        className={tabClass(path === "/" && !home)}
      >
        <Face icon="bell" word={t("app.nav.needs", { count: needed })} />
      </PlaceLink>
      <PlaceLink
        place={{ to: "new" }}
        aria-current={path === "/new" ? "page" : undefined}
        className={tabClass(path === "/new")}
      >
        <Face icon="plus" word={t("app.nav.new_short")} />
      </PlaceLink>
      <Menu label={t("shared.more")} closeLabel={t("shared.close")} groups={[places]}>
        <button type="button" className={tabClass(false)}>
          <Face icon="dots" word={t("shared.more")} />
        </button>
      </Menu>
    </nav>
  );
}

function Face({ icon, word }: { readonly icon: IconName; readonly word: string }) {
  return (
    <>
      <Icon name={icon} size={20} />
      <span className="text-xs">{word}</span>
    </>
  );
}

function tabClass(here: boolean): string {
  return cx(
    "focus-inset flex min-h-13 flex-1 flex-col items-center justify-center gap-0.5 no-underline",
    here ? "text-accent-text" : "text-2",
  );
}
