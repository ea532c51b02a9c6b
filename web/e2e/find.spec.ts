/** Finding in a session: in what is folded, in what is not loaded, and back to where one was; and in the list of sessions. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { Stage, type Script } from "./support/stage.ts";
import { until } from "./support/until.ts";

/** Calls, which nothing merges, so that the first turn is out of what is loaded at first, however fast the agent is. */
const hay = Array.from({ length: 600 }, (_, n) => ({
  tool_call: { id: `h${n}`, title: `ls ${n}`, kind: "execute", status: "completed", text: "hay" },
}));

const script: Script = {
  turns: [
    { match: "first", steps: [{ say: { text: "The oldest needle lies in the first turn." } }] },
    { match: "fill", steps: hay },
    {
      match: "last",
      steps: [
        { think: { text: "A needle may be in what I think." } },
        {
          tool_call: {
            id: "t1",
            title: "npm test",
            kind: "execute",
            status: "completed",
            text: Array.from(
              { length: 15 },
              (_, at) => `line ${at}${at === 12 ? " with a needle" : ""}`,
            ).join("\n"),
          },
        },
        { say: { text: "The last needle is **here**." } },
      ],
    },
  ],
};

let stage: Stage;
let id: string;

before(async () => {
  stage = await Stage.open({ script });
  id = await stage.server.create({ agent: "script", cwd: stage.home.directory("find"), prompt: "The first" });
  await stage.server.turn(id, 1);
  await stage.server.prompt(id, "Now fill");
  await stage.server.turn(id, 2, 120_000);
  await stage.server.prompt(id, "And the last");
  await stage.server.turn(id, 3);
});
after(() => stage.close());

/** The text that is marked as the chosen one, if it is within the transcript's sight. */
function chosen(page: Page): Promise<string | null> {
  return page.evaluate(() => {
    const [range] = CSS.highlights.get("convene-found") ?? [];
    if (!(range instanceof Range)) return null;
    const box = document.querySelector("[role=feed]")?.getBoundingClientRect();
    const { top, bottom } = range.getBoundingClientRect();
    if (box === undefined || top < box.top || bottom > box.bottom) return null;
    return range.startContainer.parentElement?.closest("article")?.textContent ?? null;
  });
}

const bar = (page: Page) => page.getByRole("search", { name: "Find in this session" });
const place = (page: Page, text: string) => bar(page).getByText(text, { exact: true }).waitFor();
const seen = (page: Page, what: RegExp) =>
  until(`${what} is seen`, async () => what.test((await chosen(page)) ?? ""));

test("finds in thoughts, outputs and answers, opens what is folded, and walks around", async () => {
  const page = await stage.tab(`/s/${id}`);
  await page.getByText("The last needle is").waitFor();
  await page.keyboard.press("Control+f");
  await page.keyboard.type("NEEDLE");
  await place(page, "1 of 3");
  await seen(page, /in what I think/);
  await page.keyboard.press("Enter");
  await place(page, "2 of 3");
  await seen(page, /line 12 with a needle/);
  await page.keyboard.press("Enter");
  await seen(page, /The last needle is here/);
  await page.keyboard.press("Enter");
  await place(page, "1 of 3");
  await page.keyboard.press("Shift+Enter");
  await place(page, "3 of 3");
  await page.keyboard.press("Escape");
  await bar(page).waitFor({ state: "detached" });
  const [marks, focus] = await page.evaluate(() => [CSS.highlights.size, document.activeElement?.role]);
  assert.deepEqual([marks, focus], [0, "feed"], "nothing is marked, and keys go to the transcript");
});

test("looks for it in older turns too, goes there, and keeps what it found", async () => {
  const page = await stage.tab(`/s/${id}`);
  await page.getByText("The last needle is").waitFor();
  await page.keyboard.press("Control+f");
  await page.keyboard.type("needle");
  await place(page, "1 of 3");
  await bar(page).getByRole("button", { name: "Search older turns" }).click();
  await place(page, "2 of 4");
  await bar(page).getByText("All turns were searched").waitFor();
  await bar(page).getByRole("button", { name: "Previous place" }).click();
  await place(page, "1 of 4");
  await seen(page, /The oldest needle lies/);
  await bar(page).getByRole("button", { name: "Previous place" }).click();
  await place(page, "4 of 4");
  await seen(page, /The last needle is here/);
});

test("what is not there is said, and a phone finds by the menu", async () => {
  const page = await stage.tab(`/s/${id}`, { width: 390, height: 780 });
  await page.getByText("The last needle is").waitFor();
  await page.getByRole("button", { name: "More for this session" }).tap();
  await page.getByRole("button", { name: "Find in this session" }).tap();
  await bar(page).getByRole("searchbox").fill("haystack");
  await bar(page).getByText("Not found here").waitFor();
  await bar(page).getByRole("button", { name: "Search older turns" }).tap();
  await bar(page).getByText("All turns were searched").waitFor();
});

test("who types in the middle of the list's filter stays there, and the address can empty it", async () => {
  const page = await stage.tab("/");
  const filter = page.getByRole("searchbox");
  const caret = () => filter.evaluate((box: HTMLInputElement) => box.selectionStart);
  await filter.fill("abcd");
  await filter.press("Home");
  for (const [n, letter] of ["u", "v", "w"].entries()) {
    await filter.press("ArrowRight");
    await filter.press(letter);
    await until("the address has it", () => new URL(page.url()).searchParams.get("q")?.includes(letter));
    assert.equal(await caret(), 2 * n + 2, await filter.inputValue());
  }
  assert.equal(await filter.inputValue(), "aubvcwd");
  await page.getByRole("button", { name: "Clear filter" }).click();
  await until("it is empty", async () => (await filter.inputValue()) === "");
});
