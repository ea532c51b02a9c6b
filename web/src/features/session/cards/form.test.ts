import { describe, expect, it } from "vitest";
import { answerOf, startOf, wrongIn } from "./form-answer";
import { fieldsOf } from "./form-schema";

const schema = {
  type: "object",
  properties: {
    keep: { type: "boolean", title: "Keep the old one", default: true },
    rows: { type: "integer", minimum: 1, maximum: 10, default: 3 },
    db: { type: "string", enum: ["postgres", "sqlite"], enumNames: ["Postgres", "SQLite"] },
    mail: { type: "string", format: "email" },
    tags: { type: "array", items: { anyOf: [{ const: "a", title: "A" }, { const: "b" }] } },
  },
  required: ["db"],
};

describe("a form", () => {
  const fields = fieldsOf(schema) ?? [];
  it("asks first what is needed", () => {
    expect(fields.map(({ name, is, need }) => `${name} ${is} ${need}`)).toEqual([
      "db one needed",
      "keep switch free",
      "rows number free",
      "mail text free",
      "tags many free",
    ]);
  });
  it("is not shown at all if a part of it is not known", () => {
    expect(fieldsOf({ properties: { a: { type: "object" } } })).toBeNull();
    expect(fieldsOf({ properties: { a: { type: "array", items: { type: "number" } } } })).toBeNull();
    expect(fieldsOf("nothing")).toBeNull();
  });
  it("begins with what the agent proposes", () => {
    expect(startOf(fields)).toEqual({ db: "", keep: true, rows: "3", mail: "", tags: [] });
  });
  it("tells what is missing and what does not fit", () => {
    const wrong = wrongIn(fields, { db: "", rows: "1.5", mail: "nobody" });
    expect(Object.keys(wrong).sort()).toEqual(["db", "mail", "rows"]);
    expect(wrongIn(fields, { db: "sqlite", rows: "11" })).toHaveProperty("rows");
    expect(wrongIn(fields, { ...startOf(fields), db: "sqlite" })).toEqual({});
  });
  it("answers in the agent's own types and leaves out what is empty", () => {
    const filled = { db: "sqlite", keep: false, rows: "7", mail: "", tags: ["b"] };
    expect(answerOf(fields, filled)).toEqual({ db: "sqlite", keep: false, rows: 7, tags: ["b"] });
  });
});
