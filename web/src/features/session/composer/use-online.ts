/** Whether the server is heard. A break of a moment does not count: what is sent then goes with the next try. */
import { useSelect } from "@/bind/store";
import type { State } from "@/store/state";

const waits = (state: State) => state.link.is !== "waiting" && state.link.is !== "refused";

export function useOnline(): boolean {
  return useSelect(waits);
}
