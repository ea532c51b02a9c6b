/** How permission requests were decided, by their ids: tool calls that were rejected say so. */
import { useCallback } from "react";
import { useSelect } from "@/bind/store";
import type { State } from "@/store/state";
import { placeOf } from "@/store/transcript";
import type { EventOf } from "@/store/types";

type Decision = EventOf<"permission_decided">["decision"];

export function useDecisions(session: string): (request: string | null) => Decision | null {
  const transcript = useSelect(useCallback((state: State) => state.logs.get(session)?.transcript, [session]));
  return (request) => {
    if (request === null || transcript === undefined) return null;
    const place = placeOf(transcript, `permission:${request}`);
    const item = place === null ? undefined : transcript.items[place];
    return item?.kind === "permission" ? (item.decided?.decision ?? null) : null;
  };
}
