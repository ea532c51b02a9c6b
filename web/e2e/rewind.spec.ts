/** The conversation is taken back to before a message: asked first, seen at once, true afterwards, and put back if it is refused. */
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import type { Page } from "playwright-core";
import type { Script } from "./support/stage.ts";
import { open, Stage } from "./support/stage.ts";
import { until } from "./support/until.ts";

/** Says which prompt it was given. */
const echo: Script = {
  turns: [
    // Before the others: an agent that begins anew is told what was said before.
    { match: "something else", steps: [{ say: { text: "Another answer." } }] },
    { match: "wait", steps: [{ say: { text: "word {{n}} ", repeat: 60, every_ms: 1000 } }] },
    { match: "first", steps: [{ say: { text: "The first answer." } }] },
    { match: "second", steps: [{ say: { text: "The second answer." } }] },
    { match: "third", steps: [{ say: { text: "The third answer." } }] },
  ],
};

let stage: Stage;
before(async () => {
  stage = await Stage.open({ echo });
});
afterEach(() => stage.clear());
after(() => stage.close());

async function talked(name: string): Promise<string> {
  const cwd = stage.home.directory(name);
  const id = await stage.server.create({ agent: "echo", cwd, prompt: "The first thing" });
  await stage.server.turn(id, 1);
  for (const [at, what] of ["second", "third"].entries()) {
    await stage.server.prompt(id, `The ${what} thing`);
    await stage.server.turn(id, at + 2);
  }
  return id;
}

const turn = (page: Page, text: string) => page.locator("article[data-row=turn]").filter({ hasText: text });
const message = (page: Page) => page.getByRole("textbox", { name: /^Message to/ });

async function rewindTo(page: Page, text: string): Promise<void> {
  await turn(page, text).hover();
  await turn(page, text).getByRole("button", { name: "Rewind to here" }).click();
}

test("a message comes back as a draft, what followed is gone in both tabs, and the next prompt goes on from there", async () => {
  const id = await talked("back");
  const context = await stage.browser();
  const [page, other] = [await open(context, `/s/${id}`), await open(context, `/s/${id}`)];
  await other.getByText("The third answer.").waitFor();
  await message(page).fill("and also this");
  await rewindTo(page, "The second thing");
  const asks = page.getByRole("alertdialog");
  await asks.getByText("2 turns leave the conversation: echo starts anew").waitFor();
  await page.keyboard.press("Escape");
  await asks.waitFor({ state: "detached" });
  await page.getByText("The third answer.").waitFor();
  await rewindTo(page, "The second thing");
  await asks.getByRole("button", { name: "Rewind" }).click();
  for (const tab of [page, other]) {
    await tab.getByText(/^Taken back by .* to before turn 2/).waitFor();
    await tab.getByText("The third answer.").waitFor({ state: "detached" });
    await tab.getByText("The second answer.").waitFor({ state: "detached" });
    await tab.getByText("The first answer.").waitFor();
  }
  await until(
    "the draft is there, and nothing that was typed is lost",
    async () => (await message(page).inputValue()) === "The second thing\n\nand also this",
  );
  await until("the field has the focus", () =>
    message(page).evaluate((field) => field === document.activeElement),
  );
  await message(page).fill("Do something else");
  await page.keyboard.press("Enter");
  await other.getByText("Another answer.").waitFor();
  await page.reload();
  await page.getByText("Another answer.").waitFor();
  assert.equal(await page.getByText("The second answer.").count(), 0, "also after a reload");
  await page.getByRole("tab", { name: "Timeline" }).click();
  await page.getByText("taken back").nth(1).waitFor();
  assert.equal(await page.getByText("taken back").count(), 2);
});

test("what came in between is not taken back unseen: it is refused, and all stands there again", async () => {
  const id = await talked("refused");
  const page = await stage.tab(`/s/${id}`, { expects: "refusals" });
  await page.getByText("The third answer.").waitFor();
  await rewindTo(page, "The second thing");
  const asks = page.getByRole("alertdialog");
  await asks.getByText("2 turns leave").waitFor();
  await stage.server.prompt(id, "The first thing again");
  await stage.server.turn(id, 4);
  await asks.getByRole("button", { name: "Rewind" }).click();
  await page.getByText(/has gone on/).waitFor();
  await page.getByText("The third answer.").waitFor();
  assert.equal(await message(page).inputValue(), "", "no draft of what was not taken back");
  const events = await stage.server.events(id);
  assert.ok(!events.some((event: { type: string }) => event.type === "session_rewound"));
});

test("while it works the button says why not, and on the phone it is in the message's menu", async () => {
  const id = await talked("busy");
  const page = await stage.tab(`/s/${id}`, { width: 390 });
  await page.getByText("The third answer.").waitFor();
  const menu = () => turn(page, "The third thing").getByRole("button", { name: "More for this message" });
  await stage.server.prompt(id, "Now wait");
  await page.getByText(/word 1/).waitFor();
  await menu().click();
  await page.getByText("Possible when it neither works nor has prompts waiting").waitFor();
  await page.keyboard.press("Escape");
  await stage.server.must("POST", `/v1/sessions/${id}/cancel`, {});
  await stage.server.turn(id, 4);
  await menu().click();
  await page.getByRole("button", { name: "Rewind to here" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Rewind" }).click();
  await page.getByText("The third answer.").waitFor({ state: "detached" });
  await until("the draft is there", async () => (await message(page).inputValue()) === "The third thing");
});
