/** What changed in one file. Long, large and generated changes are folded and say why. */
import { lazy, memo, Suspense, useMemo, useState } from "react";
import { foldReason, type Change } from "./change";
import { Coming } from "./coming";
import { Folded } from "./folded";
import { PlainDiff } from "./plain-diff";

type DiffProps = {
  readonly path: string;
  readonly change: Change;
  /** `wide` puts both sides beside each other where there is room for it. */
  readonly layout?: "unified" | "wide";
  /** How high it is likely to be, in pixels, where what stands below is not to move when it is drawn. */
  readonly height?: number | undefined;
};

const Viewer = lazy(() =>
  // Offline, or a page of an older version: a patch can be read without it.
  import("./viewer").catch(() => ({ default: WithoutViewer })),
);

export const Diff = memo(function Diff({ path, change, layout = "unified", height }: DiffProps) {
  const [anyway, setAnyway] = useState(false);
  const reason = useMemo(() => foldReason(path, change), [path, change]);
  if (reason !== null && !anyway) return <Folded reason={reason} onShow={() => setAnyway(true)} />;
  return (
    <Suspense fallback={<WithoutViewer path={path} change={change} height={height} />}>
      <Viewer path={path} change={change} layout={layout} height={height} length={anyway ? "any" : "short"} />
    </Suspense>
  );
});

function WithoutViewer({ path, change, height }: DiffProps) {
  return change.is === "patch" ? <PlainDiff path={path} patch={change.patch} /> : <Coming height={height} />;
}
