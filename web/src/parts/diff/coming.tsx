/** Where a change will stand soon, as high as it is likely to be: what stands below then moves little when it has come. */
import { t } from "@/i18n";
import { LoadingNote } from "../loading-note";

/** `height` in pixels; without it as high as the note is. */
export function Coming({ height }: { readonly height: number | undefined }) {
  const note = <LoadingNote label={t("shared.diff.loading")} />;
  return height === undefined ? (
    note
  ) : (
    <div className="overflow-hidden" style={{ height }}>
      {note}
    </div>
  );
}
