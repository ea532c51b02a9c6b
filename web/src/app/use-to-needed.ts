/** Leads to the next session that waits for somebody, from the one that is open. */
import { useState } from "react";
import { useNav } from "@/bind/nav";
import { useStore } from "@/bind/store";
import { newAttention, nextNeeded } from "@/store/attention";
import type { ToNeeded } from "./global-actions";

export function useToNeeded(path: string): ToNeeded {
  const store = useStore();
  const nav = useNav();
  const [attention] = useState(newAttention);
  return (step) => {
    const open = /^\/s\/([^/]+)/.exec(path)?.[1] ?? null;
    const id = nextNeeded(attention(store.get()), open, step);
    if (id !== null) nav.go({ to: "session", id });
  };
}
