/** Asks the browser for notifications when somebody wants them, never by itself. */
import { useState } from "react";
import { usePreference } from "@/bind/preference";
import { t } from "@/i18n";
import { Switch } from "@/ui/switch";

export function NotificationSwitch() {
  const [on, setOn] = usePreference("notify");
  const [permission, setPermission] = useState(() =>
    "Notification" in window ? Notification.permission : "denied",
  );
  if (!isSecureContext || !("Notification" in window))
    return <p className="text-2">{t("settings.notify.plain_http")}</p>;
  const change = async (wanted: boolean) => {
    if (!wanted) return setOn(false);
    const answer = await Notification.requestPermission();
    setPermission(answer);
    setOn(answer === "granted");
  };
  return (
    <>
      <Switch
        label={t("settings.notify.label")}
        note={t("settings.notify.note")}
        checked={on && permission === "granted"}
        onChange={(wanted) => void change(wanted)}
      />
      {permission === "denied" ? <p className="text-warn-ink">{t("settings.notify.denied")}</p> : null}
    </>
  );
}
