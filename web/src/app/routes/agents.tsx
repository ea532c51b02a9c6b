/** `/agents`. */
import { AgentsView } from "@/features/agents/agents-view";

export function AgentsRoute() {
  return <AgentsView />;
}
