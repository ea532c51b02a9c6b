/** `/about`. */
import { AboutView } from "@/features/about/about-view";

export function AboutRoute() {
  return <AboutView />;
}
