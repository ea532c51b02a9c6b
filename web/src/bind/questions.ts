/** Asks the server something that no event tells. Asked again when the tab or the network comes back, never on a timer. */
import { useQuery } from "@tanstack/react-query";
import type { Answer, Problem } from "@/api/problem";
import { questions } from "@/sync/questions";

export type Asked<T> =
  | { readonly is: "loading" }
  | { readonly is: "problem"; readonly problem: Problem; readonly again: () => void }
  | { readonly is: "ready"; readonly data: T; readonly asking: boolean; readonly again: () => void };

type Name = keyof typeof questions;
type ArgsOf<N extends Name> = Parameters<(typeof questions)[N]>;
type DataOf<N extends Name> = Awaited<ReturnType<(typeof questions)[N]>> extends Answer<infer T> ? T : never;

/** `about` is what the question is about; `null` asks nothing yet. */
export function useQuestion<N extends Name>(name: N, about: ArgsOf<N> | null): Asked<DataOf<N>> {
  const asked = useQuery({
    queryKey: [name, ...(about ?? [])],
    enabled: about !== null,
    placeholderData: (held: Answer<DataOf<N>> | undefined) => held,
    queryFn: () => {
      const ask = questions[name] as (...args: ArgsOf<N>) => Promise<Answer<DataOf<N>>>;
      return ask(...(about ?? ([] as unknown as ArgsOf<N>)));
    },
  });
  const again = () => void asked.refetch();
  if (asked.data === undefined) return { is: "loading" };
  if (!asked.data.ok) return { is: "problem", problem: asked.data.problem, again };
  return { is: "ready", data: asked.data.data, asking: asked.isFetching, again };
}
