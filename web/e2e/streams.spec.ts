/** A proxy in the way blocks WebSockets: the same page lives on streams, and nothing is asked twice. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { BrowserContext } from "playwright-core";
import { asks, slow } from "./support/scripts.ts";
import { open, Stage, type Script } from "./support/stage.ts";
import { until } from "./support/until.ts";

/** Speaks for as long as anybody may want to see it. */
const endless: Script = {
  turns: [{ steps: [{ say: { text: "word {{n}} ", repeat: 3000, every_ms: 100 } }] }],
};

let stage: Stage;
let context: BrowserContext;

before(async () => {
  stage = await Stage.open({ slow, endless, asks });
  context = await stage.browser({ expects: "death" });
  await context.addInitScript(() => {
    // What a page sees of an upgrade that was refused.
    Object.defineProperty(globalThis, "WebSocket", {
      value: class {
        static readonly OPEN = 1;
        readonly readyState = 3;
        onclose: ((how: { code: number; reason: string }) => void) | null = null;
        constructor() {
          queueMicrotask(() => this.onclose?.({ code: 1006, reason: "" }));
        }
        close(): void {
          this.onclose = null;
        }
      },
    });
  });
});
after(() => stage.close());

test("what is made elsewhere is in the list, and its turn is followed", async () => {
  const page = await open(context, "/");
  const before = stage.guardOf(page).calls.length;
  const cwd = stage.home.directory("a");
  const id = await stage.server.create({ agent: "slow", cwd, prompt: "Made elsewhere" });
  await page.getByRole("link").filter({ hasText: "Made elsewhere" }).click();
  const feed = page.getByRole("feed");
  await feed.getByText("word 40").waitFor();
  const said = [...(await feed.innerText()).matchAll(/word (\d+)/g)].map((match) => Number(match[1]));
  assert.deepEqual(
    said,
    Array.from({ length: said.length }, (_, at) => at + 1),
  );
  const calls = stage
    .guardOf(page)
    .calls.slice(before)
    .filter(({ path }) => path.includes(id));
  assert.ok(calls.length <= 3, `few questions were asked about it: ${JSON.stringify(calls)}`);
});

test("a permission is answered over it", async () => {
  const id = await stage.server.create({ agent: "asks", cwd: stage.home.directory("b"), prompt: "Ask me" });
  const page = await open(context, `/s/${id}`);
  await page.getByRole("button", { name: /^Allow once/ }).click();
  await page.getByText("It was allowed.").waitFor();
});

test("two sessions side by side are both live", async () => {
  const [one, other] = await Promise.all(
    ["left", "right"].map((name) =>
      stage.server.create({
        agent: "endless",
        cwd: stage.home.directory(name),
        prompt: `Speak on the ${name}`,
      }),
    ),
  );
  // A browser has six connections to a host: tabs of tests before hold some of them.
  for (const before of context.pages()) await before.close();
  const page = await open(context, `/s/${one}?split=${other}`);
  const feeds = page.getByRole("feed");
  for (const at of [0, 1]) {
    await feeds.nth(at).getByText("word 5 ", { exact: false }).first().waitFor();
    const before = (await feeds.nth(at).innerText()).length;
    await until("more is said", async () => (await feeds.nth(at).innerText()).length > before);
  }
});

test("after the server's death the streams come back, and nothing is missed", async () => {
  for (const before of context.pages()) await before.close();
  const page = await open(context, "/");
  await stage.server.kill();
  // Where another proxy keeps a dead stream open, it takes half a minute to be sure.
  await page.getByText("Reconnecting…").waitFor({ timeout: 45_000 });
  await stage.server.again();
  await stage.server.create({ agent: "asks", cwd: stage.home.directory("c"), prompt: "Made meanwhile" });
  const row = page.getByRole("link").filter({ hasText: "Made meanwhile" });
  await until("it is in the list, once", async () => (await row.count()) === 1, 40_000);
});
