import { renderToStaticMarkup } from "react-dom/server";
import { expect, it } from "vitest";
import type { Problem } from "@/api/problem";
import { ProblemNote } from "./problem-note";

const problems: readonly Problem[] = [
  { code: "cwd_not_allowed", detail: "not within the roots", hint: "choose another directory" },
  { code: "storage_full", title: "The disk is full" },
  { code: "unreachable" },
];

it.each(problems)(
  "small thing 40: $code has its code, a sentence, a next step, and can be copied",
  (problem) => {
    const shown = renderToStaticMarkup(<ProblemNote problem={problem} />);
    const paragraphs = [...shown.matchAll(/<p [^>]*>(.*?)<\/p>/g)].map(([, text = ""]) =>
      text.replace(/<[^>]*>/g, "").trim(),
    );
    const [said = "", next = ""] = paragraphs;
    expect(said).toContain(problem.detail ?? problem.title ?? "It did not work");
    expect(said).toContain(problem.code);
    expect(next).toBe(problem.hint ?? "Try again. If it stays, About shows what is wrong.");
    expect(shown).toContain(`aria-label="Copy error ${problem.code}"`);
  },
);
