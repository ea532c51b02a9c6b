/** Leads from the session that is open to the one before or after it in the list, as Home orders it. */
import { useState } from "react";
import { useNav } from "@/bind/nav";
import { useStore } from "@/bind/store";
import { newHome } from "@/store/select";
import type { ToNeighbor } from "./global-actions";

const ALL = { q: "", section: null, group: "none", sort: "prompt" } as const;

export function useToNeighbor(path: string): ToNeighbor {
  const store = useStore();
  const nav = useNav();
  const [select] = useState(newHome);
  return (step) => {
    const rows = select(store.get(), ALL).groups.flatMap((group) => group.rows);
    const ids = rows.filter((row) => row.is === "session").map((row) => row.id);
    const open = /^\/s\/([^/]+)/.exec(path)?.[1] ?? null;
    const at = ids.findIndex((id) => id === open);
    // From elsewhere it begins at the end that lies in that direction.
    const next = at === -1 ? (step === 1 ? 0 : ids.length - 1) : at + step;
    const id = ids[next];
    if (id !== undefined) nav.go({ to: "session", id });
  };
}
