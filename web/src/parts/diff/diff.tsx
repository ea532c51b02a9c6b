/** What changed in one file. Long, large and generated changes are folded and say why. */
import { lazy, memo, Suspense, useMemo, useState } from "react";
import { t } from "@/i18n";
import { LoadingNote } from "../loading-note";
import { foldReason, type Change } from "./change";
import { Folded } from "./folded";
import { PlainDiff } from "./plain-diff";

type DiffProps = {
  readonly path: string;
  readonly change: Change;
  /** `wide` puts both sides beside each other where there is room for it. */
  readonly layout?: "unified" | "wide";
};

const Viewer = lazy(() =>
  // Offline, or a page of an older version: a patch can be read without it.
  import("./viewer").catch(() => ({ default: WithoutViewer })),
);

export const Diff = memo(function Diff({ path, change, layout = "unified" }: DiffProps) {
  const [anyway, setAnyway] = useState(false);
  const reason = useMemo(() => foldReason(path, change), [path, change]);
  if (reason !== null && !anyway) return <Folded reason={reason} onShow={() => setAnyway(true)} />;
  return (
    <Suspense fallback={<WithoutViewer path={path} change={change} />}>
      <Viewer path={path} change={change} layout={layout} length={anyway ? "any" : "short"} />
    </Suspense>
  );
});

function WithoutViewer({ path, change }: { readonly path: string; readonly change: Change }) {
  return change.is === "patch" ? (
    <PlainDiff path={path} patch={change.patch} />
  ) : (
    <LoadingNote label={t("shared.diff.loading")} />
  );
}
