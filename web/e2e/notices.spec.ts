/** Notifications: one when somebody is needed, none for what is looked at, and none again after a break. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { BrowserContext, Page } from "playwright-core";
import { asks, hello } from "./support/scripts.ts";
import { open, Stage } from "./support/stage.ts";
import { until } from "./support/until.ts";

let stage: Stage;
let context: BrowserContext;
let page: Page;

/** What the system shows of this page. */
function shown(): Promise<
  readonly { readonly tag: string; readonly title: string; readonly body: string }[]
> {
  return page.evaluate(async () => {
    const registration = await navigator.serviceWorker.ready;
    const notices = await registration.getNotifications();
    return notices.map(({ tag, title, body }) => ({ tag, title, body }));
  });
}

before(async () => {
  stage = await Stage.open({ asks, hello });
  context = await stage.browser({ expects: "death" });
  await context.grantPermissions(["notifications"]);
  page = await open(context, "/settings");
  await page.evaluate(async () => {
    localStorage.setItem("convene.notify", "true");
    await navigator.serviceWorker.ready;
  });
});
after(() => stage.close());

test("small thing 31: who needs somebody is told of once, also with two tabs, and not again after a break", async () => {
  const other = await open(context, "/agents");
  const id = await stage.server.create({
    agent: "asks",
    cwd: stage.home.directory("notices"),
    prompt: "Ask me",
  });
  await until("the notice is shown", async () => (await shown()).length === 1);
  const [notice] = await shown();
  assert.equal(notice?.tag, id);
  assert.match(notice.title, /Ask me/);
  assert.match(await page.title(), /^\(1\) /);
  await page.evaluate(async () => {
    const registration = await navigator.serviceWorker.ready;
    for (const held of await registration.getNotifications()) held.close();
  });
  await stage.server.kill();
  for (const tab of [page, other]) await tab.getByText("Reconnecting…").waitFor();
  await stage.server.again();
  for (const tab of [page, other])
    await tab
      .getByText(/^(Live|Back: .*)$/)
      .first()
      .waitFor();
  // Something that comes after all that was missed.
  const next = await stage.server.create({
    agent: "asks",
    cwd: stage.home.directory("next"),
    prompt: "Ask again",
  });
  await until("the next notice is shown", async () => (await shown()).some(({ tag }) => tag === next));
  assert.deepEqual(
    (await shown()).map(({ tag }) => tag),
    [next],
  );
});

test("what somebody looks at is not told of", async () => {
  const id = await stage.server.create({ agent: "asks", cwd: stage.home.directory("seen") });
  const front = await open(context, `/s/${id}`);
  await front.bringToFront();
  await until("the page has the focus", () => front.evaluate(() => document.hasFocus()));
  await stage.server.must("POST", `/v1/sessions/${id}/prompts`, { content: "Ask in view" });
  await front
    .getByRole("button", { name: /^Allow once/ })
    .first()
    .waitFor();
  await until("the title says so", async () => (await front.title()).startsWith("<!> "));
  assert.equal((await shown()).filter(({ tag }) => tag === id).length, 0);
});
