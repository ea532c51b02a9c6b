/** The diff viewer, loaded apart. */
import { useEffect, useMemo, useRef, useState } from "react";
import { parsePatchFiles, type FileDiffMetadata } from "@pierre/diffs";
import { FileDiff, WorkerPoolContext } from "@pierre/diffs/react";
import { t } from "@/i18n";
import { unveiled } from "@/lib/hidden";
import { useMedia } from "@/ui/use-media";
import { useTheme } from "@/ui/use-theme";
import { languageOfFile } from "../code/languages";
import { manyLines, type Change } from "./change";
import { Coming } from "./coming";
import { compare } from "./compare";
import { Folded } from "./folded";
import { nameButtons } from "./name-buttons";
import { PlainDiff } from "./plain-diff";
import { pool, THEME } from "./pool";

type ViewerProps = {
  readonly path: string;
  readonly change: Change;
  readonly layout?: "unified" | "wide";
  readonly height?: number | undefined;
  /** `any` once somebody asked for a long one anyway. */
  readonly length?: "short" | "any";
};

/** Beyond this many lines a patch is shown as it is written, with only the lines in sight in the page. */
const PLAIN_FROM = 4000;

export default function Viewer({ path, change, layout = "unified", height, length = "short" }: ViewerProps) {
  const [anyway, setAnyway] = useState(length === "any");
  const diff = useFileDiff(path, change);
  if (diff === "waiting") return <Coming height={height} />;
  const lines = diff === null ? 0 : changedLines(diff);
  if (change.is === "patch" && (diff === null || lines > PLAIN_FROM)) {
    return <PlainDiff path={path} patch={change.patch} />;
  }
  if (diff === null) return <p className="px-3 py-2 text-2">{t("shared.diff.failed")}</p>;
  const reason = manyLines(lines);
  if (reason !== null && !anyway) return <Folded reason={reason} onShow={() => setAnyway(true)} />;
  return <Colored diff={diff} layout={layout} height={height} />;
}

type ColoredProps = {
  readonly diff: FileDiffMetadata;
  readonly layout: "unified" | "wide";
  readonly height: number | undefined;
};

function Colored({ diff, layout, height }: ColoredProps) {
  /** Empty until the first draw, which may come some frames later: until then it is as high as before. */
  const box = useRef<HTMLDivElement>(null);
  const theme = useTheme();
  const wide = useMedia("(width >= 900px)");
  const options = useMemo(
    () =>
      ({
        theme: THEME,
        themeType: theme,
        preferredHighlighter: "shiki-js",
        diffStyle: layout === "wide" && wide ? "split" : "unified",
        overflow: wide ? "scroll" : "wrap",
        disableFileHeader: true,
        hunkSeparators: "line-info-basic",
        onPostRender: (...drawn: Parameters<typeof nameButtons>) => {
          nameButtons(...drawn);
          box.current?.style.removeProperty("min-height");
        },
      }) as const,
    [theme, wide, layout],
  );
  const workers = pool();
  return (
    <div ref={box} style={{ minHeight: height }}>
      <WorkerPoolContext.Provider value={workers}>
        <FileDiff fileDiff={diff} options={options} className="diff" />
      </WorkerPoolContext.Provider>
    </div>
  );
}

/** The parsed change; `null` where it cannot be made sense of. */
function useFileDiff(path: string, change: Change): FileDiffMetadata | "waiting" | null {
  const parsed = useMemo(
    () => (change.is === "patch" ? parsePatch(path, change.patch) : null),
    [path, change],
  );
  const [compared, setCompared] = useState<{ of: Change; diff: FileDiffMetadata | null } | null>(null);
  useEffect(() => {
    if (change.is === "patch") return;
    const before = change.before === null ? null : unveiled(change.before);
    const after = change.after === null ? null : unveiled(change.after);
    const comparison = compare({ path, before, after }, (diff) =>
      setCompared({
        of: change,
        diff: diff === null ? null : { ...diff, lang: languageOfFile(path) ?? "text" },
      }),
    );
    return comparison.stop;
  }, [path, change]);
  if (change.is === "patch") return parsed;
  return compared?.of === change ? compared.diff : "waiting";
}

function parsePatch(path: string, patch: string): FileDiffMetadata | null {
  try {
    const file = parsePatchFiles(unveiled(patch), { throwOnError: true })[0]?.files[0];
    return file === undefined ? null : { ...file, lang: languageOfFile(path) ?? "text" };
  } catch {
    return null;
  }
}

function changedLines(diff: FileDiffMetadata): number {
  return diff.hunks.reduce((sum, hunk) => sum + hunk.additionLines + hunk.deletionLines, 0);
}
