/** The files that changed: a list at the side, a drop-down where there is no side. */
import type { FileChange, FileStatus } from "@/api/gen";
import { t, type Key } from "@/i18n";
import { cx } from "@/lib/cx";
import { DiffStat } from "@/parts/diff/diff-stat";
import { HiddenText } from "@/parts/hidden-text";
import { Select } from "@/ui/select";

/** The letter that git's own tools use, its word and its tone. */
const marks = {
  added: { letter: "A", word: "changes.status.added", ink: "text-good-ink" },
  untracked: { letter: "A", word: "changes.status.untracked", ink: "text-good-ink" },
  modified: { letter: "M", word: "changes.status.modified", ink: "text-busy-ink" },
  deleted: { letter: "D", word: "changes.status.deleted", ink: "text-bad-ink" },
  renamed: { letter: "R", word: "changes.status.renamed", ink: "text-busy-ink" },
  type_changed: { letter: "T", word: "changes.status.type_changed", ink: "text-busy-ink" },
  conflicted: { letter: "U", word: "changes.status.conflicted", ink: "text-attention-ink" },
} as const satisfies Record<FileStatus, { letter: string; word: Key; ink: string }>;

type FileListProps = {
  readonly files: readonly FileChange[];
  readonly chosen: string;
  readonly onChoose: (path: string) => void;
  readonly look: "side" | "drop";
};

export function FileList({ files, chosen, onChoose, look }: FileListProps) {
  if (look === "drop") {
    return (
      <div className="border-b border-line p-2">
        <Select
          aria-label={t("changes.file")}
          value={chosen}
          onChange={onChoose}
          options={files.map((file) => ({
            id: file.path,
            label: `${marks[file.status].letter} ${file.path}`,
          }))}
        />
      </div>
    );
  }
  return (
    <ul aria-label={t("changes.file")} className="w-72 shrink-0 overflow-y-auto border-r border-line py-1">
      {files.map((file) => (
        <li key={file.path}>
          <FileButton file={file} chosen={file.path === chosen} onChoose={() => onChoose(file.path)} />
        </li>
      ))}
    </ul>
  );
}

type FileButtonProps = { readonly file: FileChange; readonly chosen: boolean; readonly onChoose: () => void };

function FileButton({ file, chosen, onChoose }: FileButtonProps) {
  const { letter, word, ink } = marks[file.status];
  return (
    <button
      type="button"
      aria-current={chosen ? "true" : undefined}
      title={file.old_path ? t("changes.was", { path: file.old_path }) : file.path}
      onClick={onChoose}
      className={cx(
        "focus-inset flex w-full items-center gap-2 px-3 py-1 text-left hover:bg-surface-1",
        chosen && "bg-surface-2",
      )}
    >
      <span className={cx("w-3 shrink-0 font-mono text-sm", ink)}>
        <span aria-hidden>{letter}</span>
        <span className="sr-only">{t(word)}</span>
      </span>
      {/* The end of a path tells more than its beginning. */}
      <span dir="rtl" className="min-w-0 flex-1 truncate text-left">
        <bdi>
          <HiddenText text={file.path} />
        </bdi>
      </span>
      <DiffStat added={file.additions ?? 0} removed={file.deletions ?? 0} />
    </button>
  );
}
