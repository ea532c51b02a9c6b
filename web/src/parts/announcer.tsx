/** The page's two live regions, where a screen reader listens. Once, in the shell. */
import { useSyncExternalStore } from "react";
import { announcer, type Said } from "@/lib/announcements";

export function Announcer() {
  const { polite, assertive } = useSyncExternalStore(announcer.watch, announcer.now);
  return (
    <div className="sr-only">
      <p role="status">
        <Words said={polite} />
      </p>
      <p role="alert">
        <Words said={assertive} />
      </p>
    </div>
  );
}

/** A new element for each saying, so that the same words said twice are heard twice. */
function Words({ said }: { readonly said: Said }) {
  return <span key={said.turn}>{said.text}</span>;
}
