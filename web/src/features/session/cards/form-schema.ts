/** A form as the agent describes it, read as far as this page can ask it: flat, of texts, numbers, choices and yes or no. */
export type Choice = { readonly value: string; readonly label: string };

type Base = {
  readonly name: string;
  readonly label: string;
  readonly note: string | null;
  readonly need: "needed" | "free";
};

export type FormField = Base &
  (
    | {
        readonly is: "text";
        readonly format: "plain" | "email" | "uri" | "date" | "date-time";
        readonly min: number | null;
        readonly max: number | null;
        readonly start: string;
      }
    | {
        readonly is: "number";
        readonly whole: "whole" | "any";
        readonly min: number | null;
        readonly max: number | null;
        readonly start: string;
      }
    | { readonly is: "switch"; readonly start: boolean }
    | { readonly is: "one"; readonly choices: readonly Choice[]; readonly start: string }
    | { readonly is: "many"; readonly choices: readonly Choice[]; readonly start: readonly string[] }
  );

/** `null` if something in it is not known: half a form is no form. */
export function fieldsOf(schema: unknown): readonly FormField[] | null {
  if (!isRecord(schema) || !isRecord(schema.properties)) return null;
  const needed = Array.isArray(schema.required) ? schema.required : [];
  const fields: FormField[] = [];
  for (const [name, property] of Object.entries(schema.properties)) {
    const field = isRecord(property) ? fieldOf(name, property, needed.includes(name)) : null;
    if (field === null) return null;
    fields.push(field);
  }
  // The order of what must be answered is the agent's own word on what matters.
  return [
    ...needed.flatMap((name) => fields.filter((field) => field.name === name)),
    ...fields.filter((field) => !needed.includes(field.name)),
  ];
}

function fieldOf(name: string, property: Record<string, unknown>, needed: boolean): FormField | null {
  const base: Base = {
    name,
    label: text(property.title) ?? name,
    note: text(property.description),
    need: needed ? "needed" : "free",
  };
  const start = property.default;
  const choices = choicesOf(property);
  switch (property.type) {
    case "string":
      if (choices !== null) return { ...base, is: "one", choices, start: text(start) ?? "" };
      return {
        ...base,
        is: "text",
        format: formatOf(property.format),
        min: number(property.minLength),
        max: number(property.maxLength),
        start: text(start) ?? "",
      };
    case "number":
    case "integer":
      return {
        ...base,
        is: "number",
        whole: property.type === "integer" ? "whole" : "any",
        min: number(property.minimum),
        max: number(property.maximum),
        start: typeof start === "number" ? String(start) : "",
      };
    case "boolean":
      return { ...base, is: "switch", start: start === true };
    case "array": {
      const many = isRecord(property.items) ? choicesOf(property.items) : null;
      if (many === null) return null;
      const on = Array.isArray(start) ? start.filter((one) => typeof one === "string") : [];
      return { ...base, is: "many", choices: many, start: on };
    }
    default:
      return null;
  }
}

function choicesOf(property: Record<string, unknown>): readonly Choice[] | null {
  const named = Array.isArray(property.oneOf) ? property.oneOf : property.anyOf;
  if (Array.isArray(named)) {
    const found = named.flatMap((one) =>
      isRecord(one) && typeof one.const === "string"
        ? [{ value: one.const, label: text(one.title) ?? one.const }]
        : [],
    );
    return found.length === named.length ? found : null;
  }
  if (!Array.isArray(property.enum)) return null;
  const names = Array.isArray(property.enumNames) ? property.enumNames : [];
  return property.enum.flatMap((value, at) =>
    typeof value === "string" ? [{ value, label: text(names[at]) ?? value }] : [],
  );
}

function formatOf(format: unknown): "plain" | "email" | "uri" | "date" | "date-time" {
  return format === "email" || format === "uri" || format === "date" || format === "date-time"
    ? format
    : "plain";
}

function text(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function number(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
