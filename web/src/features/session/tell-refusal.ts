/** Says that something was refused which has no place of its own where that could be said. */
import type { Outcome } from "@/commands/run";
import { t } from "@/i18n";
import { showToast } from "@/ui/toasts";

/** Waits for a command. `name` is what people call it. Says whether it was done. */
export async function tellRefusal(name: string, command: Promise<Outcome<unknown>>): Promise<boolean> {
  const done = await command;
  if (done.ok) return true;
  const detail = done.problem.detail ?? done.problem.code;
  showToast(t("session.refused", { name, detail }), { tone: "bad" });
  return false;
}
