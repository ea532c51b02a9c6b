/** A link in a text. It opens only after a look at its whole address; a path is copied instead. */
import { useRef, useState, type ReactNode } from "react";
import { t } from "@/i18n";
import { Path } from "../path";
import { addressOf, disguised } from "./address";
import { LinkGate } from "./link-gate";

type LinkProps = { readonly href: string; readonly children: ReactNode };

export function Link({ href, children }: LinkProps) {
  const [asking, setAsking] = useState<{ disguised: boolean } | null>(null);
  const ref = useRef<HTMLAnchorElement>(null);
  const address = addressOf(href);
  if (address.is === "nowhere") return <span>{children}</span>;
  if (address.is === "path") {
    const name = typeof children === "string" ? children : null;
    return (
      <>
        {name === null && children}
        <Path
          path={address.path}
          line={address.line}
          shown={name !== null && name !== href ? name : undefined}
        />
      </>
    );
  }
  if (address.is === "refused") return <span title={t("shared.link.bad")}>{children}</span>;
  const ask = () => setAsking({ disguised: disguised(ref.current?.textContent ?? "", address.url) });
  return (
    <>
      <a
        ref={ref}
        href={address.url}
        target="_blank"
        rel="noreferrer noopener"
        onClick={(event) => {
          event.preventDefault();
          ask();
        }}
        onAuxClick={(event) => {
          event.preventDefault();
          ask();
        }}
      >
        {children}
      </a>
      {asking !== null && (
        <LinkGate url={address.url} disguised={asking.disguised} onClose={() => setAsking(null)} />
      )}
    </>
  );
}
