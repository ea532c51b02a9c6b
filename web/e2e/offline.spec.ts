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

declare global {
  interface Window {
    /** When the list was painted, in milliseconds since the page was asked for. */
    painted?: number;
  }
}

/** Writes down in the page when there is a row of the list, in the frame after it. */
function noteThePaint(): void {
  const look = () => {
    if (document.querySelector("[data-session]") === null) requestAnimationFrame(look);
    else requestAnimationFrame(() => (window.painted = performance.now()));
  };
  requestAnimationFrame(look);
}

/** How long the list takes from a start of the page on. */
async function startOf(page: Page): Promise<number> {
  await page.goto("/workers");
  await page.goto("/");
  await row(page).first().waitFor();
  return Math.round(await until("it is painted", () => page.evaluate(() => window.painted)));
}

test("small thing 38: offline it starts with the last list within a second", async () => {
  await stage.server.create({ agent: "hello", cwd: stage.home.directory("a"), prompt: title, title });
  const page = await stage.tab("/", { expects: "death" });
  await row(page).first().waitFor();
  await until("the worker has the shell", () => isKept(page));
  await until("the list is written down", () => isWrittenDown(page, title));

  await page.context().setOffline(true);
  await stage.server.kill();
  await page.addInitScript(noteThePaint);
  // A machine that does other things as well makes one start long, but hardly each.
  const painted = [await startOf(page), await startOf(page), await startOf(page)];
  assert.ok(Math.min(...painted) < 1000, `the list was there after ${painted.join(", ")} ms`);

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
