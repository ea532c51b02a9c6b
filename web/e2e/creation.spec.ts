/** A session that somebody makes is seen everywhere at once: the four test plans of the product's first request, and what follows from them. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { hello, slow } from "./support/scripts.ts";
import { open, Stage } from "./support/stage.ts";
import { until } from "./support/until.ts";

let stage: Stage;
let work: string;

before(async () => {
  stage = await Stage.open({ hello, slow });
  work = stage.home.directory("shop");
});
after(() => stage.close());

/** Fills in the form of a new session and starts it. */
async function make(page: Page, prompt: string, where = work, agent = "hello"): Promise<void> {
  await page.getByRole("banner").getByRole("link", { name: "New session" }).click();
  await page.getByLabel("What should be done?").fill(prompt);
  await page.getByRole("radio", { name: new RegExp(agent) }).check();
  await page.getByRole("combobox", { name: "Where" }).fill(where);
  await page.getByRole("button", { name: /^Start/ }).click();
}

const row = (page: Page, title: string) =>
  page.getByRole("list", { name: "Sessions" }).getByRole("link").filter({ hasText: title });

test("small things 1, 3: a new session is opened, is in the list without a reload, and no GET follows the POST", async () => {
  const page = await stage.tab();
  const { calls } = stage.guardOf(page);
  await make(page, "Plan one");
  await page.getByRole("heading", { name: "Plan one" }).waitFor();
  const post = calls.findIndex((call) => call.method === "POST" && call.path === "/v1/sessions");
  assert.notEqual(post, -1, "it was posted");
  await page.getByText("Hello from the script.").waitFor();
  await page.getByRole("link", { name: "Convene", exact: true }).click();
  await row(page, "Plan one").waitFor();
  const gets = calls.slice(post).filter((call) => call.method === "GET");
  assert.deepEqual(gets, [], "everything came over the stream");
});

test("its state is true from the first moment and it can be entered", async () => {
  const page = await stage.tab();
  await make(page, "Plan one and a half", work, "slow");
  await page.getByRole("heading", { name: "Plan one and a half" }).waitFor();
  await page.getByText("running").first().waitFor();
  await page.getByRole("link", { name: "Convene", exact: true }).click();
  await row(page, "Plan one and a half").click();
  await page.getByRole("heading", { name: "Plan one and a half" }).waitFor();
  await page.getByText("word 3").waitFor();
});

test("small thing 2: made in one tab, it is in another and in `convene ls` within 200 ms of the reply", async () => {
  const context = await stage.browser();
  const first = await open(context, "/");
  const second = await open(context, "/");
  // Written down in the second tab when its row is there, by that tab's own clock, which is the machine's.
  await second.evaluate(() => {
    new MutationObserver(() => {
      if (document.body.innerText.includes("Plan two"))
        Object.assign(window, { seen: (window.seen ??= Date.now()) });
    }).observe(document.body, { childList: true, subtree: true, characterData: true });
  });
  let replied = 0;
  first.on("response", (response) => {
    if (response.request().method() === "POST" && response.url().endsWith("/v1/sessions"))
      replied = Date.now();
  });
  await make(first, "Plan two");
  await row(second, "Plan two").waitFor();
  const seen = await second.evaluate(() => window.seen ?? 0);
  await until("the reply came", () => replied > 0);
  assert.ok(seen - replied <= 200, `it took ${seen - replied} ms`);
  const listed = await stage.server.run(["ls", "--json"]);
  assert.match(listed.stdout, /Plan two/);
});

test("made while the connection is down, it is there after it is back, once", async () => {
  const context = await stage.browser({ expects: "death" });
  const page = await open(context, "/");
  await context.setOffline(true);
  await page.evaluate(() => window.dispatchEvent(new Event("offline")));
  await stage.server.create({ agent: "hello", cwd: work, prompt: "Plan three" });
  assert.equal(await row(page, "Plan three").count(), 0);
  await context.setOffline(false);
  await row(page, "Plan three").waitFor();
  assert.equal(await row(page, "Plan three").count(), 1);
});

test("a directory that is missing or not allowed is refused at its field, and nothing is left behind", async () => {
  const page = await stage.tab("/", { expects: "refusals" });
  const known = await stage.server.must("GET", "/v1/sessions?limit=500");
  await make(page, "Plan four", "/etc");
  await page.getByText("/etc is outside the allowed roots").waitFor();
  assert.equal(await page.getByLabel("What should be done?").inputValue(), "Plan four", "the draft stays");
  await page.getByRole("combobox", { name: "Where" }).fill(`${work}/nowhere`);
  await page.getByRole("button", { name: /^Start/ }).click();
  await page.getByText(/nowhere does not exist/).waitFor();
  const now = await stage.server.must("GET", "/v1/sessions?limit=500");
  assert.equal(now.items.length, known.items.length);
  await page.getByRole("link", { name: "Convene", exact: true }).click();
  assert.equal(await row(page, "Plan four").count(), 0);
});

test("small thing 4: a double click on Start makes one session", async () => {
  const page = await stage.tab();
  await page.goto("/new");
  await page.getByLabel("What should be done?").fill("Plan five");
  await page.getByRole("radio", { name: /hello/ }).check();
  await page.getByRole("combobox", { name: "Where" }).fill(work);
  await page.getByRole("button", { name: /^Start/ }).dblclick();
  await page.getByRole("heading", { name: "Plan five" }).waitFor();
  const { items } = await stage.server.must("GET", "/v1/sessions?q=Plan%20five");
  assert.equal(items.length, 1);
});

declare global {
  interface Window {
    seen?: number;
  }
}
