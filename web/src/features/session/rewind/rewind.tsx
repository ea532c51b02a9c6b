/** Taking a conversation back, as the rows of its prompts see it: whether it can be done now, and how it is begun. */
import { createContext, useContext, type ReactNode } from "react";
import { t } from "@/i18n";
import type { ItemOf } from "@/store/items";
import type { Session } from "@/store/types";

export type Rewind = {
  /** Why it cannot be done now. */
  readonly blocked: string | null;
  readonly begin: (prompt: ItemOf<"prompt">) => void;
};

const Context = createContext<Rewind | null>(null);

/** `null` where a transcript is only read. */
export function useRewind(): Rewind | null {
  return useContext(Context);
}

type RewindProviderProps = { readonly value: Rewind; readonly children: ReactNode };

export function RewindProvider({ value, children }: RewindProviderProps) {
  return <Context value={value}>{children}</Context>;
}

/** As the server will see it: a conversation is taken back only while nothing goes on in it. */
export function whyNot({ archived, state, turn, queue_length: waiting, ...session }: Session): string | null {
  if (archived) return t("session.rewind.archived");
  if (turn !== null || waiting > 0 || !["idle", "hibernated", "stopped"].includes(state))
    return t("session.rewind.at_work");
  return session.needs_you_since === null ? null : t("session.rewind.asks");
}
