/** Places by name: features know where they lead, and only the app knows the addresses. */
import { createContext, useContext, type MouseEvent, type AnchorHTMLAttributes, type Ref } from "react";

export type SessionTab = "talk" | "changes" | "timeline" | "events" | "facts";

export type Place =
  | { readonly to: "home"; readonly q?: string; readonly show?: string }
  | { readonly to: "new" }
  | {
      readonly to: "session";
      readonly id: string;
      readonly tab?: SessionTab;
      readonly at?: number;
      /** Another session to stand beside it. */
      readonly beside?: string;
      /** Whether a notification leads there, which may be older than what became of the session. */
      readonly via?: "notice";
    }
  | { readonly to: "workers" }
  | { readonly to: "agents" }
  | { readonly to: "settings" }
  | { readonly to: "about" };

export type Nav = {
  readonly href: (place: Place) => string;
  readonly go: (place: Place, how?: "push" | "replace") => void;
};

const NavContext = createContext<Nav | null>(null);

export const NavProvider = NavContext.Provider;

export function useNav(): Nav {
  const nav = useContext(NavContext);
  if (nav === null) throw new Error("no NavProvider above");
  return nav;
}

type LinkProps = Omit<AnchorHTMLAttributes<HTMLAnchorElement>, "href"> & {
  readonly place: Place;
  readonly ref?: Ref<HTMLAnchorElement>;
};

/** A link to a place: a true address for middle click and copy, no new page load for a plain click. */
export function PlaceLink({ place, onClick, ...rest }: LinkProps) {
  const nav = useNav();
  const follow = (event: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(event);
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (event.defaultPrevented || !plain) return;
    event.preventDefault();
    nav.go(place);
  };
  return <a {...rest} href={nav.href(place)} onClick={follow} />;
}
