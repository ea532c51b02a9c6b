/** Hidden characters never reach the page as themselves. */
import { renderToStaticMarkup } from "react-dom/server";
import { expect, it } from "vitest";
import { CommandText } from "./command-text";
import { HiddenText } from "./hidden-text";
import { Said } from "./said";
import { TooltipProvider } from "@/ui/tooltip";

it("puts a named mark in the place of a direction mark", () => {
  const html = renderToStaticMarkup(<HiddenText text={"photo\u202Egnp.exe"} />);
  expect(html).not.toContain("\u202E");
  expect(html).toContain("text direction mark U+202E");
});

it("leaves plain text without any element", () => {
  expect(renderToStaticMarkup(<HiddenText text="a < b" />)).toBe("a &lt; b");
});

it("counts what is hidden in a command", () => {
  const html = renderToStaticMarkup(
    <TooltipProvider>
      <CommandText command={"ls\u200b \u001b[2K"} />
    </TooltipProvider>,
  );
  expect(html).toContain("2 hidden characters are made visible");
  expect(html).toContain("ESC");
});

it("shows the server's backticks as code", () => {
  expect(renderToStaticMarkup(<Said text="Run `claude login` once." />)).toMatch(
    /Run <code[^>]*>claude login<\/code> once\./,
  );
});
