/** A notification may lead to a session that was deleted since: then Home is shown, and a sentence says why. */
import { useNavigate } from "@tanstack/react-router";
import { useEffect } from "react";
import { useSession } from "@/features/session/use-session";
import { t } from "@/i18n";
import { showToast } from "@/ui/toasts";

/** `id` is the session that a notification led to; `null` if none did. */
export function useNoticeOf(id: string | null): void {
  const navigate = useNavigate();
  const { is } = useSession(id ?? "");
  useEffect(() => {
    if (id === null || is === "loading" || is === "problem") return;
    if (is === "ready") {
      // The address is one to come back to.
      void navigate({ to: ".", search: (held) => ({ ...held, via: undefined }), replace: true });
      return;
    }
    showToast(t("app.notice.deleted"));
    void navigate({ to: "/", replace: true });
  }, [id, is, navigate]);
}
