/** What the formatter makes of a text that means harm: nothing that fetches, runs or pretends. */
import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, it } from "vitest";
import { TooltipProvider } from "@/ui/tooltip";
import Formatted from "./formatted";

const html = (text: string) =>
  renderToStaticMarkup(
    <TooltipProvider>
      <Formatted text={text} />
    </TooltipProvider>,
  );

describe("a hostile text", () => {
  it("fetches no picture, however it is written", () => {
    const made = html(
      '![a](https://t.example/1.png) ![b][r] <img src="https://t.example/2.png">\n\n[r]: https://t.example/3.png\n\n<picture><source srcset="https://t.example/4.png"></picture>',
    );
    expect(made).not.toMatch(/<(img|picture|source|video|iframe|object|link)\b/);
    expect(made).not.toMatch(/\s(src|srcset)="/);
    expect(made).toContain("Image on t.example");
  });

  it("shows HTML as text", () => {
    const made = html('<script>alert(1)</script>\n\n<div onclick="alert(1)" style="position:fixed">x</div>');
    expect(made).not.toMatch(/<script|onclick="|position:fixed"/);
    expect(made).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
  });

  it("makes no link of what is no address", () => {
    const made = html("[a](javascript:alert(1)) [b](data:text/html,x) [c](vbscript:x)");
    expect(made).not.toContain("<a ");
  });

  it("opens links elsewhere, without telling where from", () => {
    expect(html("[a](https://x.example/y)")).toMatch(
      /<a href="https:\/\/x\.example\/y" target="_blank" rel="noreferrer noopener"/,
    );
  });

  it("names marks that turn the text", () => {
    const made = html("photo\u202Egnp.exe and `co\u202Ede`");
    expect(made).not.toContain("\u202E");
    expect(made.match(/U\+202E<\/span>/g)).toHaveLength(2);
  });
});

it("begins with headings below those of the page", () => {
  expect(html("# One\n\n## Two")).toMatch(/<h3[^>]*>One<\/h3>.*<h4[^>]*>Two<\/h4>/s);
});

it("gives code blocks their language and leaves diagrams as code", () => {
  const made = html("```mermaid\ngraph TD\n```\n\n```rust\nfn main() {}\n```");
  expect(made).toContain("mermaid");
  expect(made).toContain("fn main() {}");
  expect(made).not.toContain('<svg class="mermaid');
});
