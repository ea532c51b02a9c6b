/** A prompt that waits is edited: in time it is changed; too late, that is said and nothing that was written is lost. */
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import type { Page } from "playwright-core";
import { Stage, type Script } from "./support/stage.ts";
import { until } from "./support/until.ts";

const script: Script = {
  turns: [
    { match: "speak", steps: [{ say: { text: "word {{n}} ", repeat: 3000, every_ms: 100 } }] },
    { steps: [{ say: { text: "Done." } }] },
  ],
};

let stage: Stage;
before(async () => {
  stage = await Stage.open({ script });
});
afterEach(() => stage.clear());
after(() => stage.close());

const message = (page: Page) => page.getByRole("textbox", { name: /^Message to/ });
const field = (page: Page) => page.getByRole("textbox", { name: "Text of the prompt that waits" });

/** A session that speaks, with a prompt that waits and is being edited. */
async function editing(name: string): Promise<[string, Page]> {
  const cwd = stage.home.directory(name);
  const id = await stage.server.create({ agent: "script", cwd, prompt: "speak" });
  const page = await stage.tab(`/s/${id}`, { expects: "refusals" });
  await page.getByText(/word 3/).waitFor();
  await message(page).fill("Then this");
  await page.keyboard.press("Enter");
  const queue = page.getByRole("region", { name: "1 prompt waits" });
  await queue.getByRole("button", { name: "Edit" }).click();
  await until("it is edited", async () => (await field(page).inputValue()) === "Then this");
  return [id, page];
}

test("edited in time, what waits is what was written", async () => {
  const [id, page] = await editing("in-time");
  await field(page).fill("Then that");
  await page.keyboard.press("Enter");
  await until("the server has it", async () => {
    const { items } = await stage.server.must("GET", `/v1/sessions/${id}/queue`);
    return JSON.stringify(items).includes("Then that");
  });
  await page.getByRole("region", { name: "1 prompt waits" }).getByText("Then that").waitFor();
  await stage.server.must("POST", `/v1/sessions/${id}/cancel`, {});
});

test("taken while it is edited: that is said, the text stays, also over a reload, and goes into the message", async () => {
  const [id, page] = await editing("too-late");
  await field(page).fill("Then that, at length");
  await stage.server.must("POST", `/v1/sessions/${id}/cancel`, {});
  await stage.server.turn(id, 2);
  const taken = page.getByText("The agent took this prompt before it was changed. Your text is kept here.");
  await taken.waitFor();
  await field(page).press("Enter");
  await page.reload();
  await taken.waitFor();
  assert.match(await field(page).inputValue(), /^Then that, at length/);
  await page.getByRole("button", { name: "Put it into the message" }).click();
  await until("it is in the message", async () =>
    (await message(page).inputValue()).startsWith("Then that, at length"),
  );
  await page.reload();
  await until("as a draft", async () =>
    (await message(page).inputValue()).startsWith("Then that, at length"),
  );
  assert.equal(await taken.count(), 0);
  const prompts = (await stage.server.events(id)).filter(
    ({ type }: { type: string }) => type === "turn_queued",
  );
  assert.equal(prompts.length, 2, "nothing was sent behind anybody's back");
});

test("taken while it is saved: the refusal is told, and the text stays", async () => {
  const [id, page] = await editing("at-once");
  await field(page).fill("Then something else");
  // The agent takes it while the change is on its way.
  await page.route(/\/queue\//, async (route) => {
    await stage.server.must("POST", `/v1/sessions/${id}/cancel`, {});
    await stage.server.turn(id, 2);
    await route.continue();
  });
  const answered = page.waitForResponse(
    (response) => response.request().method() !== "GET" && response.url().includes("/queue/"),
  );
  await page.keyboard.press("Enter");
  const refusal = await answered;
  assert.equal(refusal.status(), 404);
  assert.equal((await refusal.json()).code, "queue_entry_not_found");
  await page.getByText("The agent took this prompt before it was changed.").waitFor();
  assert.equal(await field(page).inputValue(), "Then something else");
});
