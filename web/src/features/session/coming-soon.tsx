/** Stands where a view of the session is not built in: says where its content is meanwhile. */
import { t } from "@/i18n";
import { EmptyNote } from "@/parts/empty-note";
import type { TabProps } from "./session-tabs";

export function ComingSoon({ session }: TabProps) {
  return <EmptyNote title={t("session.tabs.coming", { id: session.short_id })} />;
}
