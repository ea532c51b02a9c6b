/** What a session is called where its title stands: never nothing. */
import { t } from "@/i18n";
import type { Session } from "@/store/types";

export function titleOf({ title }: Pick<Session, "title">): string {
  return title.trim() === "" ? t("session.untitled") : title;
}
