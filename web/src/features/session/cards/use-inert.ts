/** For half a second after a card appears or changes its buttons do nothing: no finger hits what it did not see. */
import { useEffect, useState } from "react";

const MOMENT = 500;

/** `what` names all that is shown; as long as it is the same, nothing has changed. */
export function useInert(what: string): "inert" | "ready" {
  const [ready, setReady] = useState<string | null>(null);
  useEffect(() => {
    const timer = setTimeout(() => setReady(what), MOMENT);
    return () => clearTimeout(timer);
  }, [what]);
  return ready === what ? "ready" : "inert";
}
