/** A notification may lead to a session that was deleted since: then Home is shown, and a sentence says why. */
import { useNavigate } from "@tanstack/react-router";
import { useCallback, useEffect } from "react";
import { useSelect } from "@/bind/store";
import { useSession } from "@/features/session/use-session";
import { t } from "@/i18n";
import type { State } from "@/store/state";
import { showToast } from "@/ui/toasts";

/** `id` is the session that a notification led to; `null` if none did. */
export function useNoticeOf(id: string | null): void {
  const navigate = useNavigate();
  const { is } = useSession(id ?? "");
  // What this browser has kept may be of before the session was deleted.
  const isTold = useSelect(useCallback((state: State) => state.list.caught_up, []));
  useEffect(() => {
    if (id === null || is === "loading" || is === "problem" || (is === "ready" && !isTold)) return;
    if (is === "ready") {
      // The address is one to come back to.
      void navigate({ to: ".", search: (held) => ({ ...held, via: undefined }), replace: true });
      return;
    }
    showToast(t("app.notice.deleted"));
    void navigate({ to: "/", replace: true });
  }, [id, is, isTold, navigate]);
}
