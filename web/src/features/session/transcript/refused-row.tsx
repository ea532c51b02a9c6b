/** A prompt that the server refused: why, and what was written, to be taken back into the message. */
import { useStore } from "@/bind/store";
import { t } from "@/i18n";
import { ProblemNote } from "@/parts/problem-note";
import type { RowOf } from "@/store/rows";

/** The composer keeps the text of what was refused; this only tells why, until it is put away. */
export function RefusedRow({ row }: { readonly row: RowOf<"refused"> }) {
  const store = useStore();
  const { command, problem } = row.refusal;
  return (
    <div className="mt-2">
      <p className="text-sm text-3">{t("transcript.refused.title")}</p>
      <ProblemNote problem={problem} onDismiss={() => store.put({ is: "dismissed", key: command.key })} />
    </div>
  );
}
