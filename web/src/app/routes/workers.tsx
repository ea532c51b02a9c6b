/** `/workers`. */
import { WorkersView } from "@/features/workers/workers-view";

export function WorkersRoute() {
  return <WorkersView />;
}
