/** What an agent writes is shown whole and does nothing: no picture is fetched, no mark obeyed, no link opened unseen; what is copied is the thing itself. */
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import type { Page } from "playwright-core";
import { Stage, type Script } from "./support/stage.ts";
import { until } from "./support/until.ts";

const hostile = [
  "See [src/login.rs](src/login.rs:42) and [https://bank.example](https://evil.example/x).",
  "![pixel](https://tracker.example/p.png)",
  '<img src="https://tracker.example/q.png" onerror="document.title = 1"> <script>document.title = 2</script>',
  "Open photo\u202Egnp.exe or [this](javascript:document.title=3).",
  "```sh\nnpm test\n```",
].join("\n\n");

const says: Script = { turns: [{ steps: [{ say: { text: hostile } }] }] };

const before40 = Array.from({ length: 40 }, (_, i) => `export const value${i} = ${i};\n`).join("");
const works: Script = {
  turns: [
    {
      steps: [
        {
          tool_call: {
            id: "t1",
            title: "Edit values.ts",
            kind: "edit",
            status: "completed",
            diff: {
              path: "/shop/values.ts",
              old_text: before40,
              new_text: before40.replace("value7 = 7", "value7 = 'seven\u202E'"),
            },
          },
        },
        {
          tool_call: {
            id: "t2",
            title: "npm test",
            kind: "execute",
            status: "failed",
            raw_input: { command: "npm test \u202E&& rm -rf ~" },
            text: `${Array.from({ length: 30 }, (_, i) => `\u001b[32mok\u001b[0m case ${i}`).join("\n")}\n\u001b[31merror\u001b[0m bell\u0007`,
          },
        },
      ],
    },
  ],
};

let stage: Stage;

before(async () => {
  stage = await Stage.open({ says, works });
});
afterEach(() => stage.clear());
after(() => stage.close());

async function talk(agent: string): Promise<Page> {
  const id = await stage.server.create({ agent, cwd: stage.home.directory(agent), prompt: "Say it" });
  const context = await stage.browser();
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const page = await context.newPage();
  await page.goto(`/s/${id}`);
  return page;
}

const clipboard = (page: Page) => page.evaluate(() => navigator.clipboard.readText());

test("small things 26, 27: pictures are named and not fetched, HTML is text, and nothing in it runs", async () => {
  const page = await talk("says");
  await page.getByText("Image on tracker.example").waitFor();
  assert.equal(await page.locator("main img").count(), 0);
  await page.getByText("<script>document.title = 2</script>").waitFor();
  assert.match(await page.title(), /Say it/);
  assert.equal(await page.locator('[href^="javascript"]').count(), 0);
  await page.getByRole("img", { name: "text direction mark U+202E" }).waitFor();
});

test("a link opens only after a look at its whole address, and one that lies is called out", async () => {
  const page = await talk("says");
  const link = page.getByRole("link", { name: "https://bank.example" });
  await link.click();
  const gate = page.getByRole("dialog");
  await gate.getByText("https://evil.example/x").waitFor();
  await gate.getByText("names another place").waitFor();
  const open = gate.getByRole("link", { name: "Open in a new tab" });
  assert.match((await open.getAttribute("rel")) ?? "", /noreferrer/);
  await page.keyboard.press("Escape");
  await gate.waitFor({ state: "detached" });
  assert.equal(page.context().pages().length, 1, "no tab was opened");
  await until("the focus is back at the link", () =>
    link.evaluate((node) => node === document.activeElement),
  );
});

test("small things 23, 24: a path is copied with its line, a block of code alone", async () => {
  const page = await talk("says");
  await page.getByRole("button", { name: /^src\/login\.rs:42/ }).click();
  await until("the path is copied", async () => (await clipboard(page)) === "src/login.rs:42");
  await page.getByRole("button", { name: "Copy code" }).click();
  await until("the code is copied", async () => (await clipboard(page)) === "npm test");
  const said = page.locator("article[data-row=message]").first();
  await said.hover();
  await said.getByRole("button", { name: "Copy as Markdown" }).click();
  await until("the message is copied as it was written", async () => (await clipboard(page)) === hostile);
});

test("small thing 26: a change is compared, colored and cannot turn the text around", async () => {
  const page = await talk("works");
  const line = page.getByRole("button", { name: /values\.ts/ }).first();
  await line.waitFor();
  const viewer = page.locator(".diff");
  if ((await viewer.count()) === 0 && (await line.getAttribute("aria-expanded")) === "false")
    await line.click();
  await viewer.getByText("[U+202E]").waitFor();
  assert.equal(
    await viewer.getByText("export const value30", { exact: false }).count(),
    0,
    "what is far is folded",
  );
  const more = viewer.getByRole("button", { name: "Show lines below" }).last();
  await more.focus();
  await page.keyboard.press("Enter");
  await viewer.getByText("export const value30").first().waitFor();
  await until("who presses keys is still in the viewer, which was drawn anew", () =>
    page.evaluate(() => document.activeElement?.closest(".diff") !== null),
  );
});

test("small thing 25: output shows its last lines in color, its control characters by name, and all of it on demand", async () => {
  const page = await talk("works");
  const line = page.getByRole("button", { name: /npm test/ }).first();
  await line.waitFor();
  await page.getByRole("img", { name: "text direction mark U+202E" }).first().waitFor();
  if ((await line.getAttribute("aria-expanded")) === "false") await line.click();
  await page.getByRole("img", { name: "control character U+0007" }).waitFor();
  assert.equal(await page.getByText("case 3", { exact: true }).count(), 0);
  await page.getByRole("button", { name: "Show all 31 lines" }).click();
  await until("the first line can be reached", async () => {
    await page.locator('pre[aria-label="Output"]').evaluate((box) => box.scrollTo({ top: 0 }));
    return (await page.getByText("case 3", { exact: true }).count()) === 1;
  });
});
