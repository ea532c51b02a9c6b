/** One field of a question's form. */
import { t } from "@/i18n";
import { Checkbox } from "@/ui/checkbox";
import { Field } from "@/ui/field";
import { RadioGroup } from "@/ui/radio-group";
import { Select } from "@/ui/select";
import { TextField } from "@/ui/text-field";
import type { FormField } from "./form-schema";

type Value = string | boolean | readonly string[];

type FormControlProps = {
  readonly field: FormField;
  readonly value: Value | undefined;
  readonly error: string | undefined;
  readonly onChange: (value: Value) => void;
};

/** More choices than this are a list to open. */
const IN_SIGHT = 5;

export function FormControl({ field, value, error, onChange }: FormControlProps) {
  const { label, note } = field;
  if (field.is === "switch") {
    return <Checkbox label={label} note={note ?? undefined} checked={value === true} onChange={onChange} />;
  }
  return (
    <Field
      label={label}
      {...(note === null ? {} : { hint: note })}
      {...(error === undefined ? {} : { error })}
      {...(field.need === "needed"
        ? { aside: <span className="text-sm text-3">{t("shared.required")}</span> }
        : {})}
    >
      {(ties) => {
        switch (field.is) {
          case "text":
            return (
              <TextField
                {...ties}
                type={
                  field.format === "plain" || field.format === "date-time" ? "text" : typeOf(field.format)
                }
                value={String(value ?? "")}
                onChange={onChange}
              />
            );
          case "number":
            return (
              <TextField {...ties} inputMode="decimal" value={String(value ?? "")} onChange={onChange} />
            );
          case "one":
            return field.choices.length <= IN_SIGHT ? (
              <RadioGroup
                label={label}
                look="row"
                options={field.choices.map((choice) => ({ id: choice.value, label: choice.label }))}
                value={typeof value === "string" && value !== "" ? value : null}
                onChange={onChange}
              />
            ) : (
              <Select
                {...ties}
                options={[
                  { id: "", label: t("permission.question.choose") },
                  ...field.choices.map((choice) => ({ id: choice.value, label: choice.label })),
                ]}
                value={String(value ?? "")}
                onChange={onChange}
              />
            );
          case "many": {
            const on = Array.isArray(value) ? value : [];
            return (
              <div className="flex flex-col gap-1">
                {field.choices.map((choice) => (
                  <Checkbox
                    key={choice.value}
                    label={choice.label}
                    checked={on.includes(choice.value)}
                    onChange={(checked) =>
                      onChange(
                        field.choices
                          .map((one) => one.value)
                          .filter((one) => (one === choice.value ? checked : on.includes(one))),
                      )
                    }
                  />
                ))}
              </div>
            );
          }
        }
      }}
    </Field>
  );
}

function typeOf(format: "email" | "uri" | "date"): "email" | "url" | "date" {
  return format === "uri" ? "url" : format;
}
