/** Where the agent works: a path with suggestions, from the worker's own machine, within what it allows. */
import { useQuestion } from "@/bind/questions";
import { useSelect } from "@/bind/store";
import { t } from "@/i18n";
import type { State } from "@/store/state";
import { Combobox, type Suggestion } from "@/ui/combobox";
import { Field } from "@/ui/field";

type DirectoryFieldProps = {
  readonly value: string;
  readonly onChange: (cwd: string) => void;
  readonly worker: string;
  readonly error: string | undefined;
};

const SUGGESTIONS = 12;

/** Directories of sessions, the last used first; the same text as long as they are the same. */
const recentDirectories = (state: State): string =>
  [...new Set([...state.list.sessions.values()].sort((a, b) => (a.id < b.id ? 1 : -1)).map((one) => one.cwd))]
    .slice(0, SUGGESTIONS)
    .join("\n");

export function DirectoryField({ value, onChange, worker, error }: DirectoryFieldProps) {
  const recent = useSelect(recentDirectories).split("\n").filter(Boolean);
  const asked = value.startsWith("/") || value.startsWith("~");
  const found = useQuestion("directories", asked && worker !== "" ? [worker, value] : null);
  const known: Suggestion[] = recent
    .filter((path) => path.startsWith(value) && path !== value)
    .map((path) => ({ value: path, note: t("new.where.used") }));
  const below: Suggestion[] = (asked && found.is === "ready" ? found.data.items : [])
    .filter((entry) => entry.path !== value && !recent.includes(entry.path))
    .map((entry) => ({ value: entry.path, note: entry.git ? t("new.where.git") : undefined }));
  return (
    <Field label={t("new.where.label")} hint={t("new.where.hint")} error={error}>
      {(ties) => (
        <Combobox
          ties={ties}
          value={value}
          onChange={onChange}
          suggestions={[...known, ...below].slice(0, SUGGESTIONS)}
          placeholder={t("new.where.placeholder")}
          listLabel={t("new.where.list")}
        />
      )}
    </Field>
  );
}
