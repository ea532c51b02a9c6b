/** Without a server the page starts from what this browser has: the shell by the service worker, the list by its own copy. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { hello } from "./support/scripts.ts";
import { Stage } from "./support/stage.ts";
import { until } from "./support/until.ts";

let stage: Stage;

before(async () => {
  stage = await Stage.open({ hello });
});
after(() => stage.close());

const title = "Seen before";
const row = (page: Page) => page.getByRole("link").filter({ hasText: title });

/** Whether the page's worker is in charge and has the shell. */
function isKept(page: Page): Promise<boolean> {
  return page.evaluate(
    async () => navigator.serviceWorker.controller !== null && (await caches.match("/")) !== undefined,
  );
}

/** Whether any of the browser's databases has these words in it. */
function isWrittenDown(page: Page, words: string): Promise<boolean> {
  return page.evaluate(async (sought) => {
    const asked = <T>(request: IDBRequest<T>) =>
      new Promise<T>((resolve, reject) => {
        request.addEventListener("success", () => resolve(request.result));
        request.addEventListener("error", () => reject(request.error));
      });
    for (const { name } of await indexedDB.databases()) {
      if (name === undefined) continue;
      const database = await asked(indexedDB.open(name));
      const stores = [...database.objectStoreNames];
      const all = await Promise.all(
        stores.map((store) => asked(database.transaction(store).objectStore(store).getAll())),
      );
      database.close();
      if (JSON.stringify(all).includes(sought)) return true;
    }
    return false;
  }, words);
}

test("small thing 38: offline it starts with the last list within a second", async () => {
  await stage.server.create({ agent: "hello", cwd: stage.home.directory("a"), prompt: title, title });
  const page = await stage.tab("/", { expects: "death" });
  await row(page).first().waitFor();
  await until("the worker has the shell", () => isKept(page));
  await until("the list is written down", () => isWrittenDown(page, title));

  await page.context().setOffline(true);
  await stage.server.kill();
  await page.goto("/workers");
  await page.goto("/");
  await row(page).first().waitFor();
  const painted = await page.evaluate(() => performance.now());
  assert.ok(painted < 1000, `the list was there after ${Math.round(painted)} ms`);

  await stage.server.again();
  await page.context().setOffline(false);
  await page.getByText("Live", { exact: true }).first().waitFor({ state: "attached" });
  assert.equal(await row(page).count(), 1, "once");
});

test("a tab that the worker's claim has left out is in its charge nevertheless", async () => {
  const page = await stage.tab("/");
  await until("the worker is in charge", () => isKept(page));
  const browser = await page.context().newCDPSession(page);
  // A reload past all caches goes past the worker, too.
  const loaded = page.waitForEvent("load");
  await browser.send("Page.reload", { ignoreCache: true });
  await loaded;
  await until("the worker is in charge again", () => isKept(page));
});

test("the worker never keeps an answer of the API", async () => {
  const page = await stage.tab("/");
  await until("the worker has the shell", () => isKept(page));
  await page.evaluate(() => fetch("/v1/sessions"));
  const kept = await page.evaluate(async () => {
    const all = await Promise.all(
      (await caches.keys()).map(async (name) =>
        (await (await caches.open(name)).keys()).map(({ url }) => url),
      ),
    );
    return all.flat().map((url) => new URL(url).pathname);
  });
  assert.ok(kept.includes("/"), "the shell is kept");
  assert.deepEqual(
    kept.filter((path) => /^\/(v1|healthz|readyz|metrics|openapi)/.test(path)),
    [],
  );
});
