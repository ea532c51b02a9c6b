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

declare global {
  interface Window {
    /** The sessions that this tab has told of, each when the system shows it. */
    told?: string[];
  }
}

/** Keeps what a tab tells. The system is not asked meanwhile: Chromium forgets a notification that is looked for before it is shown. */
function keepWhatIsTold(): void {
  if (!window.isSecureContext) return;
  const told: string[] = [];
  window.told = told;
  const show = ServiceWorkerRegistration.prototype.showNotification;
  ServiceWorkerRegistration.prototype.showNotification = async function (title, options) {
    await show.call(this, title, options);
    told.push(options?.tag ?? "");
  };
}

/** Whether one of the tabs has told of the session. */
async function isTold(id: string): Promise<boolean> {
  const told = await Promise.all(context.pages().map((tab) => tab.evaluate(() => window.told ?? [])));
  return told.flat().includes(id);
}

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
  await context.addInitScript(keepWhatIsTold);
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
  await until("the notice is shown", () => isTold(id));
  const [notice, ...more] = await shown();
  assert.equal(more.length, 0);
  assert.equal(notice?.tag, id);
  assert.match(notice.title, /Ask me/);
  await until("the title counts it", async () => (await page.title()).startsWith("(1) "));
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
  await until("the next notice is shown", () => isTold(next));
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
  assert.equal(await isTold(id), false);
});
