/** What was filled in, checked against what the agent asked for, and as it wants to hear it. */
import { t } from "@/i18n";
import { number } from "@/i18n/format";
import type { FormField } from "./form-schema";

export type Filled = Readonly<Record<string, string | boolean | readonly string[]>>;

export function startOf(fields: readonly FormField[]): Filled {
  return Object.fromEntries(fields.map((field) => [field.name, field.start]));
}

/** What is wrong, by the names of the fields. */
export function wrongIn(fields: readonly FormField[], filled: Filled): Readonly<Record<string, string>> {
  const wrong = fields.flatMap((field) => {
    const problem = wrongWith(field, filled[field.name]);
    return problem === null ? [] : [[field.name, problem] as const];
  });
  return Object.fromEntries(wrong);
}

function wrongWith(field: FormField, value: Filled[string] | undefined): string | null {
  const empty = value === undefined || value === "" || (Array.isArray(value) && value.length === 0);
  if (empty) return field.need === "needed" ? t("permission.question.missing") : null;
  switch (field.is) {
    case "text": {
      const given = String(value);
      if (field.min !== null && given.length < field.min) {
        return t("permission.question.too_short", { count: field.min });
      }
      if (field.max !== null && given.length > field.max) {
        return t("permission.question.too_long", { count: field.max });
      }
      if (field.format === "email" && !/^\S+@\S+$/.test(given)) return t("permission.question.not_email");
      if (field.format === "uri" && !URL.canParse(given)) return t("permission.question.not_uri");
      return null;
    }
    case "number": {
      const given = Number(value);
      if (!Number.isFinite(given)) return t("permission.question.not_number");
      if (field.whole === "whole" && !Number.isInteger(given)) return t("permission.question.not_whole");
      if (field.min !== null && given < field.min) {
        return t("permission.question.too_small", { min: number(field.min) });
      }
      if (field.max !== null && given > field.max) {
        return t("permission.question.too_large", { max: number(field.max) });
      }
      return null;
    }
    case "one":
    case "many":
    case "switch":
      return null;
  }
}

/** What was left empty is not told. */
export function answerOf(fields: readonly FormField[], filled: Filled): Record<string, unknown> {
  const answers = fields.flatMap((field): [string, unknown][] => {
    const value = filled[field.name];
    if (value === undefined || value === "") return [];
    return [[field.name, field.is === "number" ? Number(value) : value]];
  });
  return Object.fromEntries(answers);
}
