/** Code gets the names of our colors, never colors of its own. */
import { expect, it } from "vitest";
import { newColors } from "./color";
import { languageOf, languageOfFile, languages, type Language } from "./languages";

const colors = newColors();
const colored = async (code: string, language: Language) =>
  colors(code, language, (await languages[language]()).default);

it("colors each of the twenty languages with tokens", async () => {
  expect(Object.keys(languages)).toHaveLength(20);
  for (const name of Object.keys(languages)) {
    const language = languageOf(name);
    const lines = language === null ? null : await colored('x = "text" # 1\n', language);
    expect(lines, name).toHaveLength(2);
    for (const piece of lines?.flat() ?? []) expect(piece.color ?? "var(--code-").toMatch(/^var\(--code-/);
  }
}, 20_000);

it("keeps the text as it is", async () => {
  const code = 'fn main() {\n    println!("hi");\n}';
  const lines = await colored(code, "rust");
  expect(lines?.map((line) => line.map((piece) => piece.text).join("")).join("\n")).toBe(code);
  expect(new Set(lines?.flat().map((piece) => piece.color)).size).toBeGreaterThan(2);
});

it("is given a grammar once", async () => {
  const { default: grammar } = await languages.toml();
  const fresh = newColors();
  expect(() => fresh("a = 1", "toml", null)).toThrow("toml");
  expect(fresh("a = 1", "toml", grammar)).toEqual(fresh("a = 1", "toml", null));
});

it("knows languages by their fences and files", () => {
  expect(languageOf("TS")).toBe("tsx");
  expect(languageOf("brainfuck")).toBeNull();
  expect(languageOf("constructor")).toBeNull();
  expect(languageOfFile("/a/b/Dockerfile")).toBe("docker");
  expect(languageOfFile("src/main.rs")).toBe("rust");
  expect(languageOfFile(".gitignore")).toBeNull();
});
