/** Whether the server is heard. A break of a moment does not count: what is sent then goes with the next try. */
import { useSelect } from "@/bind/store";
import { isCut, type State } from "@/store/state";

const isHeard = ({ link }: State) => !isCut(link) && link.is !== "refused";

export function useOnline(): boolean {
  return useSelect(isHeard);
}
