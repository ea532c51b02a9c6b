/** Copies, says so to everybody, and remembers for a moment that it did. */
import { useEffect, useState } from "react";
import { t } from "@/i18n";
import { announce } from "@/lib/announcements";
import { copyText } from "@/lib/copy";
import { showToast } from "@/ui/toasts";

const MOMENT = 1500;

export function useCopy(said = t("shared.copied")): {
  readonly copied: boolean;
  readonly copy: (text: string) => void;
} {
  const [times, setTimes] = useState(0);
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (times === 0) return;
    const timer = setTimeout(() => setCopied(false), MOMENT);
    return () => clearTimeout(timer);
  }, [times]);
  return {
    copied,
    copy(text) {
      void copyText(text).then((done) => {
        if (!done) {
          showToast(t("shared.copy_failed"), { tone: "bad" });
          return;
        }
        setCopied(true);
        setTimes((before) => before + 1);
        announce(said);
      });
    },
  };
}
