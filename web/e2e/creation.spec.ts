/** A session that somebody makes is seen everywhere at once: the four test plans of the product's first request, and what follows from them. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { BrowserContext, Page, WebSocketRoute } from "playwright-core";
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

const isSoon = (ms: number) => ms <= 200;

/** Writes down in a tab when a row with the title is there, in milliseconds since 1970. */
function noteTheRow(page: Page, title: string): Promise<void> {
  return page.evaluate((wanted) => {
    window.seen = undefined;
    const watch = new MutationObserver(() => {
      if (!document.body.textContent.includes(wanted)) return;
      window.seen = performance.timeOrigin + performance.now();
      watch.disconnect();
    });
    watch.observe(document.body, { childList: true, subtree: true, characterData: true });
  }, title);
}

/** When the reply of the session that was made after `since` had come to the tab, by the same clock. */
function replied(page: Page, since: number): Promise<number> {
  return until("the reply came", () =>
    page.evaluate((after) => {
      const ends = performance
        .getEntriesByType("resource")
        .filter(({ name }) => new URL(name).pathname === "/v1/sessions")
        .map((entry) => (entry as PerformanceResourceTiming).responseEnd);
      const last = Math.max(0, ...ends);
      return last > after ? performance.timeOrigin + last : null;
    }, since),
  );
}

/** A browser's network, to be cut and mended. An open socket outlives Chromium's "offline" and is closed beside it. */
async function network(context: BrowserContext) {
  const open: WebSocketRoute[] = [];
  let is: "up" | "cut" = "up";
  await context.routeWebSocket("**/v1/ws", (socket) => {
    if (is === "cut") return void socket.close({ code: 1001 });
    open.push(socket, socket.connectToServer());
  });
  return {
    cut: async () => {
      is = "cut";
      // Without an answer to anything else, or the page would go around the socket.
      await context.setOffline(true);
      const [socket, server] = open.splice(-2);
      await server?.close();
      await socket?.close({ code: 1001 });
    },
    mend: async () => {
      is = "up";
      await context.setOffline(false);
    },
  };
}

test("small thing 2: made in one tab, it is in another and in `convene ls` within 200 ms of the reply", async () => {
  const context = await stage.browser();
  const first = await open(context, "/");
  const second = await open(context, "/");
  const took: number[] = [];
  // A machine that does other things as well makes one of them late, but hardly each.
  for (let n = 1; n <= 5 && !took.some(isSoon); n += 1) {
    const title = `Plan two, ${n}`;
    const before = await first.evaluate(() => performance.now());
    await noteTheRow(second, title);
    await make(first, title);
    await row(second, title).waitFor();
    const seen = await until("it is seen", () => second.evaluate(() => window.seen));
    took.push(Math.round(seen - (await replied(first, before))));
  }
  assert.ok(took.some(isSoon), `it took ${took.join(", ")} ms`);
  const listed = await stage.server.run(["ls", "--json"]);
  assert.match(listed.stdout, /Plan two/);
});

test("made while the connection is down, it is there after it is back, once", async () => {
  const context = await stage.browser({ expects: "death" });
  const net = await network(context);
  const page = await open(context, "/");
  await net.cut();
  await stage.server.create({ agent: "hello", cwd: work, prompt: "Plan three" });
  await page.getByText("Reconnecting…").waitFor();
  assert.equal(await row(page, "Plan three").count(), 0);
  await net.mend();
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

test("between the reply and its page nothing makes a second one, and nothing of it stays a draft", async () => {
  const page = await stage.tab("/new");
  const browser = await page.context().newCDPSession(page);
  await browser.send("Network.enable");
  await browser.send("Network.setBypassServiceWorker", { bypass: true });
  // The page of the session is not there yet.
  let load: () => void = () => undefined;
  const loaded = new Promise<void>((then) => (load = then));
  await page.route("**/assets/**", (route) => loaded.then(() => route.continue()));
  const prompt = page.getByLabel("What should be done?");
  await prompt.fill("Plan six");
  await page.getByRole("radio", { name: /hello/ }).check();
  await page.getByRole("combobox", { name: "Where" }).fill(work);
  const reply = page.waitForResponse(
    (got) => got.request().method() === "POST" && got.url().endsWith("/v1/sessions"),
  );
  const asked = page.waitForRequest("**/assets/**");
  await prompt.press("Control+Enter");
  await (await reply).finished();
  await asked;
  await prompt.press("Control+Enter");
  await prompt.press("Home");
  load();
  await page.getByRole("heading", { name: "Plan six" }).waitFor();
  const { items } = await stage.server.must("GET", "/v1/sessions?q=Plan%20six");
  assert.equal(items.length, 1);
  await page.getByRole("banner").getByRole("link", { name: "New session" }).click();
  assert.equal(await prompt.inputValue(), "");
});

declare global {
  interface Window {
    /** When the row was there. */
    seen?: number | undefined;
  }
}
