/** The server is killed and comes back while people look: what they saw stays, nothing is missed, nothing comes twice. */
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import type { Page } from "playwright-core";
import { slow } from "./support/scripts.ts";
import { open, Stage } from "./support/stage.ts";
import { until } from "./support/until.ts";

let stage: Stage;

before(async () => {
  stage = await Stage.open({ slow });
});
afterEach(() => stage.clear());
after(() => stage.close());

/** The numbers of the words that a page shows, in its order. */
async function words(page: Page): Promise<number[]> {
  const text = await page.getByRole("feed").innerText();
  return [...text.matchAll(/word (\d+)/g)].map((match) => Number(match[1]));
}

const one_after_the_other = (numbers: readonly number[]) =>
  numbers.every((n, at) => n === (numbers[0] ?? 0) + at);

test("small thing 7: text stays while the server is dead, and goes on without a seam in both tabs", async () => {
  const context = await stage.browser({ expects: "death" });
  const id = await stage.server.create({ agent: "slow", cwd: stage.home.directory("a"), prompt: "Speak" });
  const tabs = [await open(context, `/s/${id}`), await open(context, `/s/${id}`)];
  for (const tab of tabs) await until("some words", async () => (await words(tab)).length > 20);

  await stage.server.kill();
  const before = await Promise.all(tabs.map(words));
  for (const tab of tabs) await tab.getByText("Reconnecting…").waitFor();
  // What had come before the death may have been shown only after it.
  for (const [at, tab] of tabs.entries()) {
    const [was = [], now] = [before[at], await words(tab)];
    assert.deepEqual(now.slice(0, was.length), was, `tab ${at} still shows what was seen`);
    assert.ok(one_after_the_other(now), `tab ${at} has neither gap nor double: ${now.join(" ")}`);
  }
  await stage.server.again();
  await stage.server.turn(id, 1, 60_000);

  const events = await stage.server.events(id);
  const said = events
    .filter((event: { type: string }) => event.type === "message_appended")
    .map((event: { content: { text?: string } }) => event.content.text ?? "")
    .join("");
  const whole = [...said.matchAll(/word (\d+)/g)].map((match) => Number(match[1]));
  assert.equal(whole.length, 300);
  for (const [at, tab] of tabs.entries()) {
    await until("the last word", async () => (await words(tab)).at(-1) === 300, 20_000);
    const shown = await words(tab);
    assert.ok(one_after_the_other(shown), `tab ${at} has neither gap nor double: ${shown.join(" ")}`);
    assert.deepEqual(shown, whole, `tab ${at} is equal to the log`);
  }
});

test("what a list missed while the server was away is in it once", async () => {
  const page = await stage.tab("/", { expects: "death" });
  await stage.server.kill();
  await page.getByText("Reconnecting…").waitFor();
  await stage.server.again();
  await stage.server.create({ agent: "slow", cwd: stage.home.directory("b"), prompt: "Made meanwhile" });
  const row = page.getByRole("link").filter({ hasText: "Made meanwhile" });
  await row.waitFor();
  assert.equal(await row.count(), 1);
});
