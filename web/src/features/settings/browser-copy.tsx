/** What this browser keeps for later visits, and the way out of it. */
import { useState } from "react";
import { usePreference } from "@/bind/preference";
import { useSync } from "@/bind/store";
import { logOut } from "@/commands/log-out";
import { t } from "@/i18n";
import { ProblemNote } from "@/parts/problem-note";
import { Section } from "@/parts/page";
import type { Problem } from "@/store/types";
import { Button } from "@/ui/button";
import { Switch } from "@/ui/switch";

export function BrowserCopy() {
  const sync = useSync();
  const [copy, setCopy] = usePreference("copy");
  const [problem, setProblem] = useState<Problem | null>(null);
  const leave = async () => {
    const out = await logOut(sync);
    if (out.ok) location.assign("/");
    else setProblem(out.problem);
  };
  return (
    <Section title={t("settings.copy.title")}>
      <Switch
        label={t("settings.copy.label")}
        note={t("settings.copy.note")}
        checked={copy}
        onChange={setCopy}
      />
      <div className="flex flex-wrap items-center gap-3">
        <Button onClick={() => void leave()}>{t("settings.copy.sign_out")}</Button>
        <span className="text-sm text-2">{t("settings.copy.sign_out_note")}</span>
      </div>
      {problem === null ? null : <ProblemNote problem={problem} onDismiss={() => setProblem(null)} />}
    </Section>
  );
}
