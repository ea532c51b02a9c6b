/** Small things that are seen only in a browser: ages, exact times, themes, zoom, a finger that was too quick, old notifications. */
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import type { Page } from "playwright-core";
import { rich } from "./support/rich.ts";
import { hello } from "./support/scripts.ts";
import { open, Stage, type Script } from "./support/stage.ts";
import { until } from "./support/until.ts";

const ask = (id: string, title: string) => ({
  ask: {
    id,
    title,
    kind: "execute",
    options: [
      { id: "yes", name: "Allow once", kind: "allow_once", steps: [{ say: { text: `Did ${title}. ` } }] },
      { id: "no", name: "Reject", kind: "reject_once", steps: [] },
    ],
  },
});
const twice: Script = { turns: [{ steps: [ask("a", "first thing"), ask("b", "second thing")] }] };

let stage: Stage;
let talk: string;

before(async () => {
  stage = await Stage.open({ hello, rich, twice });
  const cwd = stage.home.directory("shop");
  talk = await stage.server.create({ agent: "rich", cwd, prompt: "Please mend the cart" });
  await stage.server.turn(talk, 1);
});
afterEach(() => stage.clear());
after(() => stage.close());

declare global {
  interface Window {
    commits?: number;
    /** What the finger hit. */
    hit?: string;
    seen?: { theme: string; background: string }[];
  }
}

test("small thing 21: an age ticks and nothing is rendered for it", async () => {
  const context = await stage.browser();
  // React tells a tool of developers of each time that it has rendered something.
  await context.addInitScript(() => {
    window.commits = 0;
    const count = () => {
      window.commits = (window.commits ?? 0) + 1;
    };
    const hook = {
      supportsFiber: true,
      renderers: new Map(),
      inject: () => 1,
      onCommitFiberRoot: count,
      onCommitFiberUnmount: () => undefined,
      onPostCommitFiberRoot: () => undefined,
    };
    Object.assign(window, { __REACT_DEVTOOLS_GLOBAL_HOOK__: hook });
  });
  const id = await stage.server.create({ agent: "hello", cwd: stage.home.directory("ages"), prompt: "Tick" });
  await stage.server.turn(id, 1);
  const page = await open(context, "/");
  const age = page.locator(`[data-session="${id}"] time`);
  await age.waitFor();
  const look = async () => ({
    text: await age.textContent(),
    commits: await page.evaluate(() => window.commits),
  });
  assert.ok(((await look()).commits ?? 0) > 0, "renders are counted");
  await until("the text changed twice and nothing was rendered", async () => {
    const before = await look();
    let now = before;
    for (let changes = 0; changes < 2; changes += 1) {
      const { text } = now;
      now = await until("the text changes", async () => {
        const next = await look();
        return next.text === text ? null : next;
      });
    }
    return now.commits === before.commits;
  });
});

test("small thing 22: the exact time, the session and the event on hover, and copied by a click", async () => {
  const context = await stage.browser();
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const page = await open(context, "/");
  const row = page.locator(`[data-session="${talk}"] time`);
  const title = (await row.getAttribute("title")) ?? "";
  assert.match(title, /\d{1,2}:\d{2}:\d{2}/);
  assert.ok(title.includes(talk));
  await page.goto(`/s/${talk}`);
  const turn = page.locator("article[data-row=turn]").first();
  const stamp = turn.getByRole("button", { name: /copy the exact time/ });
  const [event] = (await stage.server.events(talk)).filter(
    ({ type }: { type: string }) => type === "turn_queued",
  );
  assert.match(
    (await stamp.getAttribute("title")) ?? "",
    new RegExp(`\\d:\\d{2}.* · ${talk} · ${event.seq}$`),
  );
  await stamp.click();
  const copied = () => page.evaluate(() => navigator.clipboard.readText());
  await until("it is copied", async () =>
    /^\d{4}-\d{2}-\d{2}T[\d:.]+Z · ses_\w+ · \d+$/.test(await copied()),
  );
});

/** In the frame after a card with that text has come, what stands at the point is clicked: sooner than any word from outside arrives. */
async function tapsAgain(page: Page, text: string, [x, y]: readonly [number, number]): Promise<void> {
  await page.evaluate(
    (wanted) => {
      const look = new MutationObserver(() => {
        const cards = [...document.querySelectorAll("[data-card]")];
        if (!cards.some((card) => card.textContent?.includes(wanted.text))) return;
        look.disconnect();
        requestAnimationFrame(() => {
          const under = document.elementFromPoint(wanted.x, wanted.y)?.closest("button");
          window.hit = under?.textContent ?? "";
          under?.click();
        });
      });
      look.observe(document.body, { childList: true, subtree: true, characterData: true });
    },
    { text, x, y },
  );
}

test("small thing 30: a second card does not stand under a finger that just tapped", async () => {
  const cwd = stage.home.directory("twice");
  const id = await stage.server.create({ agent: "twice", cwd, prompt: "Ask twice" });
  const page = await stage.tab(`/s/${id}`, { width: 390 });
  const allow = () => page.getByRole("button", { name: "Allow once" });
  await page.getByText("first thing").first().waitFor();
  await until("it can be answered", async () => (await allow().getAttribute("aria-disabled")) === null);
  const box = await allow().boundingBox();
  const point = [(box?.x ?? 0) + 20, (box?.y ?? 0) + 20] as const;
  await tapsAgain(page, "second thing", point);
  await page.touchscreen.tap(...point);
  const hit = await until("the finger came down again", () => page.evaluate(() => window.hit ?? null));
  assert.match(hit, /^Allow once/, "it came down where the answer stands");
  await until("it can be answered", async () => (await allow().getAttribute("aria-disabled")) === null);
  assert.equal((await stage.server.session(id)).pending_permissions.length, 1, "the second tap did nothing");
  await allow().tap();
  await page.getByText("Did second thing.").waitFor();
});

test("small thing 32: the notification of a session that was deleted opens Home, with a sentence", async () => {
  const cwd = stage.home.directory("gone");
  const id = await stage.server.create({ agent: "hello", cwd, prompt: "Soon gone" });
  await stage.server.turn(id, 1);
  const page = await stage.tab(`/s/${id}?via=notice`, { expects: "refusals" });
  await page.getByText("Hello from the script.").waitFor();
  await until("the address is one to come back to", () => new URL(page.url()).search === "");
  await page.goto("/");
  await stage.server.must("POST", `/v1/sessions/${id}/stop`, {});
  await stage.server.until(id, "it is stopped", ({ state }: { state: string }) => state === "stopped");
  await stage.server.must("DELETE", `/v1/sessions/${id}`);
  // In a page that is open, and in one that begins with it.
  for (const go of [() => page.goto(`/s/${id}?via=notice`), () => page.reload()]) {
    await go();
    if (new URL(page.url()).pathname !== "/")
      await page.getByText("The session of that notification").waitFor();
    await until("Home is shown", () => new URL(page.url()).pathname === "/");
  }
  await page.getByRole("heading", { level: 1, name: "Sessions" }).waitFor({ state: "attached" });
});

const places = () => [
  "/",
  "/new",
  `/s/${talk}`,
  `/s/${talk}/timeline`,
  `/s/${talk}/events`,
  `/s/${talk}/facts`,
];
const others = ["/workers", "/agents", "/settings", "/about"];

// 640 is what a screen of 1280 has at 200 %.
for (const width of [320, 640]) {
  test(`small thing 36: at ${width} px nothing but code scrolls sideways`, async () => {
    const page = await stage.tab("/", { width, height: 640 });
    for (const where of [...places(), ...others]) {
      await page.goto(where);
      await page.getByRole("heading", { level: 1 }).first().waitFor({ state: "attached" });
      await page.waitForLoadState("networkidle");
      const wide = await page.evaluate(() => {
        const page = document.documentElement.scrollWidth - window.innerWidth;
        const boxes = [...document.querySelectorAll<HTMLElement>("main *, header *, nav *")].filter((box) => {
          if (box.closest("pre, code, .diff, table, [role=tablist], [role=group]")) return false;
          const { overflowX } = getComputedStyle(box);
          return box.scrollWidth > box.clientWidth + 1 && (overflowX === "auto" || overflowX === "scroll");
        });
        return { page, boxes: boxes.map((box) => box.outerHTML.slice(0, 200)) };
      });
      assert.ok(wide.page <= 0, `${where} is ${wide.page} px wider than the screen`);
      assert.deepEqual(wide.boxes, [], where);
    }
  });
}

/** From the first frame on: which theme is in force, and what is behind everything. */
async function watchThemes(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const seen: { theme: string; background: string }[] = [];
    window.seen = seen;
    const look = () => {
      if (document.body) {
        const { theme = "" } = document.documentElement.dataset;
        const background = getComputedStyle(document.body).backgroundColor;
        const last = seen.at(-1);
        if (last?.theme !== theme || last.background !== background) seen.push({ theme, background });
      }
      requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
}

test("small thing 37: no flash of the other theme, and the system is followed live", async () => {
  const page = await stage.tab("/", { theme: "light" });
  await watchThemes(page);
  const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
  const paints = () => page.evaluate(() => window.seen ?? []);
  await page.emulateMedia({ colorScheme: "dark" });
  await until("it follows", async () => (await theme()) === "dark");
  await page.emulateMedia({ colorScheme: "light" });
  await until("it follows back", async () => (await theme()) === "light");
  // Chosen against the system: that is what could flash.
  await page.evaluate(() => localStorage.setItem("convene.theme", "dark"));
  await page.reload();
  await page.getByText("Live", { exact: true }).first().waitFor({ state: "attached" });
  const seen = await paints();
  assert.deepEqual([...new Set(seen.map((one) => one.theme))], ["dark"], JSON.stringify(seen));
  assert.equal(new Set(seen.map((one) => one.background)).size, 1, JSON.stringify(seen));
  await page.emulateMedia({ colorScheme: "light" });
  assert.equal(await theme(), "dark", "what was chosen stays");
});

test("a button that is a drawing says its name to the hand and to the keyboard, until Escape", async () => {
  const page = await stage.tab(`/s/${talk}`);
  const button = page.getByRole("button", { name: "More for this session" });
  const tip = page.getByRole("tooltip");
  await button.hover();
  await tip.getByText("More for this session").waitFor();
  const [over, under] = [await tip.boundingBox(), await button.boundingBox()];
  assert.ok((over?.y ?? 0) >= (under?.y ?? 0) + (under?.height ?? 0), "it hides nothing of the button");
  assert.ok((over?.x ?? 0) + (over?.width ?? 0) <= 1280, "it is within the window");
  // A transcript that follows its end scrolls without anybody's hand, below the bar.
  await page.getByRole("feed").dispatchEvent("scroll");
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  assert.ok(await tip.isVisible(), "it stays");
  await page.mouse.move(300, 500);
  await tip.waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Stop session" }).focus();
  await page.keyboard.press("Tab");
  await tip.getByText("More for this session").waitFor();
  await page.keyboard.press("Escape");
  await tip.waitFor({ state: "detached" });
  await page.keyboard.press("Enter");
  await page.getByRole("menu").waitFor();
});
