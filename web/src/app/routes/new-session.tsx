/** `/new`: a new session, as a page of its own. */
import { useNav } from "@/bind/nav";
import { NewSessionView } from "@/features/new-session/new-session-view";

export function NewSessionRoute() {
  const nav = useNav();
  return (
    <NewSessionView
      onMade={(id) => nav.go({ to: "session", id }, "replace")}
      onClose={() => nav.go({ to: "home" })}
    />
  );
}
