/** What most sessions leave as it is: the agent's own options, system prompt, servers, limits, labels. */
import type { ConfigOption } from "@/api/gen";
import { t } from "@/i18n";
import { Field } from "@/ui/field";
import { Select } from "@/ui/select";
import { TextArea } from "@/ui/text-area";
import { TextField } from "@/ui/text-field";
import type { FieldName, Form } from "./form";

type MoreOptionsProps = {
  readonly form: Form;
  readonly onChange: (part: Partial<Form>) => void;
  /** What the agent announced the last time; empty if it never ran. */
  readonly options: readonly ConfigOption[];
  readonly errorOf: (field: FieldName) => string | undefined;
};

export function MoreOptions({ form, onChange, options, errorOf }: MoreOptionsProps) {
  return (
    <div className="flex flex-col gap-4">
      <AgentOptions form={form} onChange={onChange} options={options} errorOf={errorOf} />
      <Field label={t("new.more.title")} hint={t("new.more.title_hint")} error={errorOf("title")}>
        {(ties) => <TextField {...ties} value={form.title} onChange={(title) => onChange({ title })} />}
      </Field>
      <Field label={t("new.more.system")} hint={t("new.more.system_hint")} error={errorOf("system_prompt")}>
        {(ties) => (
          <TextArea
            {...ties}
            rows={3}
            value={form.system_prompt}
            onChange={(system_prompt) => onChange({ system_prompt })}
          />
        )}
      </Field>
      <Field label={t("new.more.mcp")} hint={t("new.more.mcp_hint")} error={errorOf("mcp")}>
        {(ties) => <TextArea {...ties} rows={2} value={form.mcp} onChange={(mcp) => onChange({ mcp })} />}
      </Field>
      <Field label={t("new.more.dirs")} hint={t("new.more.dirs_hint")} error={errorOf("add_dirs")}>
        {(ties) => (
          <TextArea
            {...ties}
            rows={2}
            value={form.add_dirs}
            onChange={(add_dirs) => onChange({ add_dirs })}
          />
        )}
      </Field>
      <Field label={t("new.more.timeout")} hint={t("new.more.timeout_hint")} error={errorOf("timeout")}>
        {(ties) => (
          <TextField
            {...ties}
            inputMode="numeric"
            value={form.timeout}
            onChange={(timeout) => onChange({ timeout })}
          />
        )}
      </Field>
      <Field label={t("new.more.labels")} hint={t("new.more.labels_hint")} error={errorOf("labels")}>
        {(ties) => (
          <TextArea {...ties} rows={2} value={form.labels} onChange={(labels) => onChange({ labels })} />
        )}
      </Field>
    </div>
  );
}

function AgentOptions({ form, onChange, options, errorOf }: MoreOptionsProps) {
  if (options.length === 0) return <p className="text-2">{t("new.more.no_options")}</p>;
  return options.map((option) => (
    <Field key={option.id} label={option.name} error={errorOf("config")}>
      {(ties) => (
        <Select
          {...ties}
          value={form.config[option.id] ?? ""}
          onChange={(value) => onChange({ config: { ...form.config, [option.id]: value } })}
          options={[
            { id: "", label: t("new.more.agents_choice", { value: nameOf(option) }) },
            ...choicesOf(option),
          ]}
        />
      )}
    </Field>
  ));
}

function choicesOf(option: ConfigOption): { id: string; label: string }[] {
  if (typeof option.value === "boolean") {
    return [
      { id: "true", label: t("shared.yes") },
      { id: "false", label: t("shared.no") },
    ];
  }
  return (option.choices ?? []).map((choice) => ({ id: choice.value, label: choice.name ?? choice.value }));
}

function nameOf(option: ConfigOption): string {
  if (typeof option.value === "boolean") return option.value ? t("shared.yes") : t("shared.no");
  const held = option.choices?.find((choice) => choice.value === option.value);
  return held?.name ?? String(option.value);
}
