/** The keys: each does what the list of keys says, none acts while somebody writes or composes, and Tab goes where the eye goes. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { rich } from "./support/rich.ts";
import { asks, hello, slow } from "./support/scripts.ts";
import { open, Stage } from "./support/stage.ts";
import { until } from "./support/until.ts";

let stage: Stage;
const ids: Record<string, string> = {};

before(async () => {
  stage = await Stage.open({ hello, asks, slow, rich });
  for (const [agent, prompt] of Object.entries({ hello: "First of all", rich: "Please mend it" })) {
    const id = await stage.server.create({ agent, cwd: stage.home.directory(agent), prompt });
    await stage.server.turn(id, 1);
    ids[agent] = id;
  }
  const id = await stage.server.create({
    agent: "asks",
    cwd: stage.home.directory("asks"),
    prompt: "Ask me",
  });
  await stage.server.until(id, "it asks", ({ badge }: { badge: string }) => badge === "needs-you");
  ids.asks = id;
});
after(() => stage.close());

const path = (page: Page) => new URL(page.url()).pathname;
const at = (page: Page, wanted: string) => until(`it is at ${wanted}`, () => path(page) === wanted);
const shown = (page: Page, name: string) => at(page, `/s/${ids[name]}`);
const message = (page: Page) => page.getByRole("textbox", { name: /^Message to/ });
const focusIn = (page: Page, what: string) =>
  until(`the focus is in ${what}`, () =>
    page.evaluate((wanted) => document.activeElement?.closest(wanted) !== null, what),
  );

test("small thing 34: keys of every page and of the list", async () => {
  const page = await stage.tab("/");
  await page.keyboard.press("?");
  await page.getByRole("dialog").getByRole("heading", { name: "Keys" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: /^What to do/ }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("combobox", { name: /^What to do/ }).waitFor({ state: "detached" });
  await page.keyboard.press("/");
  await focusIn(page, "input[type=search]");
  await page.keyboard.press("Tab");
  await page.locator("body").click({ position: { x: 640, y: 790 } });
  await page.keyboard.press("j");
  await focusIn(page, "[data-session]");
  const row = () => page.evaluate(() => (document.activeElement as HTMLElement | null)?.dataset.session);
  const first = await row();
  await page.keyboard.press("j");
  await until("the next row has the focus", async () => (await row()) !== first);
  const second = await row();
  await page.keyboard.press("k");
  await until("the first one again", async () => (await row()) === first);
  await page.keyboard.press("ArrowDown");
  await until("an arrow does the same", async () => (await row()) === second);
  await page.keyboard.press("Enter");
  await at(page, `/s/${second}`);
  await page.getByRole("link", { name: "Back to all sessions" }).click();
  await page.keyboard.press("ArrowDown");
  await focusIn(page, "[data-session]");
  const other = await row();
  await page.keyboard.press(other === second ? "ArrowDown" : "ArrowUp");
  await until("another row", async () => (await row()) !== second);
  await page.keyboard.press("Shift+Enter");
  await until("two stand side by side", async () => (await page.getByRole("feed").count()) === 2);
  await page.keyboard.press("c");
  await at(page, "/new");
});

test("small thing 34: keys of a session", async () => {
  // Not so high that all of it is in sight; and what is no repository has no changes.
  const page = await stage.tab(`/s/${ids.hello}`, { height: 420, expects: "refusals" });
  await page.getByText("Hello from the script.").waitFor();
  await page.keyboard.press("n");
  await shown(page, "asks");
  await page.getByRole("button", { name: /^Allow once/ }).waitFor();
  await page.keyboard.press("p");
  await focusIn(page, "[data-card]");
  await page.keyboard.press("Escape");
  const order = async () => {
    const seen = [path(page)];
    for (const key of ["[", "[", "[", "]", "]"]) {
      await page.keyboard.press(key);
      await page.getByRole("feed").waitFor();
      seen.push(path(page));
    }
    return seen;
  };
  const [begin, , , first, second, third] = await order();
  assert.equal(begin, `/s/${ids.asks}`);
  assert.equal(new Set([first, second, third]).size, 3, "each session of the list once");
  await page.goto(`/s/${ids.rich}`);
  await page.getByRole("feed").waitFor();
  for (const [n, tab] of ["Talk", "Changes", "Timeline", "Events", "Facts"].entries()) {
    await page.keyboard.press(String(n + 1));
    await page.getByRole("tab", { name: tab, selected: true }).waitFor();
  }
  await page.keyboard.press("1");
  await page.getByRole("feed").waitFor();
  await page.keyboard.press("k");
  await focusIn(page, "article[data-row]");
  const fold = page.locator("article[data-row=tool] [data-fold]").last();
  await fold.evaluate((button) => button.closest<HTMLElement>("article")?.focus());
  const was = await fold.getAttribute("aria-expanded");
  await page.keyboard.press("o");
  await until("it is the other way", async () => (await fold.getAttribute("aria-expanded")) !== was);
  await page.keyboard.press("Shift+O");
  await until("all of its kind are as they were", async () => {
    const all = await page
      .locator("article[data-row=tool] [data-fold]")
      .evaluateAll((folds) => folds.map((one) => one.getAttribute("aria-expanded")));
    return new Set(all).size === 1;
  });
  const mode = () => page.getByRole("feed").getAttribute("data-scroll");
  await page.keyboard.press("g");
  await until("it reads at the start", async () => (await mode()) === "reading");
  await page.getByText("Start of the session").waitFor();
  await page.keyboard.press("Shift+G");
  await until("it follows the end", async () => (await mode()) === "following");
  await page.keyboard.press("u");
  await page.keyboard.press("i");
  await focusIn(page, "textarea");
  await page.keyboard.press("Escape");
  await page.getByRole("tab", { name: "Talk" }).focus();
  await page.keyboard.press("r");
  await page.getByRole("textbox", { name: "Title of the session" }).waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+f");
  await page
    .getByRole("searchbox")
    .or(page.getByRole("textbox", { name: /Find/ }))
    .first()
    .waitFor();
  await page.keyboard.press("Escape");
});

test("small thing 34: keys that work while somebody writes: cancel, and the last prompt that waits", async () => {
  const cwd = stage.home.directory("slow");
  const id = await stage.server.create({ agent: "slow", cwd });
  const page = await stage.tab(`/s/${id}`);
  // It speaks for a while only, and that begins when somebody looks.
  await stage.server.prompt(id, "Speak");
  await page.getByText(/word 3/).waitFor();
  await message(page).fill("Later");
  await page.keyboard.press("Enter");
  await page.getByRole("region", { name: "1 prompt waits" }).getByText("Later").waitFor();
  const field = page.getByRole("textbox", { name: "Text of the prompt that waits" });
  await until("it is edited", async () => {
    // Until the server has said that it waits there is nothing to edit.
    if (!(await field.isVisible())) await page.keyboard.press("Alt+ArrowUp");
    return (await field.isVisible()) && (await field.inputValue()) === "Later";
  });
  await page.keyboard.press("Escape");
  await message(page).click();
  await page.keyboard.press("Control+.");
  await stage.server.until(
    id,
    "the turn is canceled",
    ({ last_turn: last }: { last_turn: { stop_reason: string } | null }) => last?.stop_reason === "cancelled",
  );
});

test("small thing 34: no letter acts in a field or in a composition", async () => {
  const page = await stage.tab(`/s/${ids.hello}`);
  await page.getByText("Hello from the script.").waitFor();
  const letters = "cnjkogGueryepi/?[]12345NO";
  await message(page).click();
  await page.keyboard.type(letters);
  assert.equal(await message(page).inputValue(), letters);
  assert.equal(path(page), `/s/${ids.hello}`);
  assert.equal(await page.getByRole("dialog").count(), 0);
  await page.getByRole("tab", { name: "Talk" }).focus();
  await page.evaluate((all) => {
    for (const key of all) {
      const press = { key, bubbles: true, cancelable: true };
      document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", { ...press, isComposing: true }));
      document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", { ...press, keyCode: 229 }));
    }
  }, letters);
  assert.equal(path(page), `/s/${ids.hello}`);
  await page.getByRole("tab", { name: "Talk", selected: true }).waitFor();
  assert.equal(await page.getByRole("dialog").count(), 0);
});

test("after a change of the page the focus is on the heading of the new one", async () => {
  const page = await stage.tab("/");
  const bar = page.getByRole("navigation").first();
  for (const name of ["Workers", "Agents", "About", "Workers"]) {
    await bar.getByRole("link", { name }).click();
    await page.getByRole("heading", { level: 1, name }).waitFor();
    await until(`the focus is on ${name}`, () =>
      page.evaluate((title) => {
        const heading = document.activeElement;
        return heading?.tagName === "H1" && heading.textContent.trim() === title;
      }, name),
    );
  }
});

/** Where the focus is, how it is seen, and whether it went back from where it was. */
type Stop = { readonly what: string; readonly ring: boolean; readonly back: boolean };

declare global {
  interface Window {
    was?: Element;
  }
}

function stop(page: Page): Promise<Stop | null> {
  return page.evaluate(() => {
    let node = document.activeElement;
    while (node?.shadowRoot?.activeElement) node = node.shadowRoot.activeElement;
    if (!(node instanceof HTMLElement) || node === document.body) return null;
    const isSeen = (one: Element | null): boolean => {
      if (one === null) return false;
      const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(one);
      return outlineStyle !== "none" && parseFloat(outlineWidth) >= 1 && !outlineColor.endsWith(", 0)");
    };
    // A box may show the focus of its field.
    const ring = isSeen(node) || isSeen(node.parentElement) || isSeen(node.closest("label"));
    // Both as they stand now: the page may have scrolled in between. Up and to the left at once is where nobody looks for it.
    const before = window.was?.isConnected ? window.was.getBoundingClientRect() : null;
    const now = node.getBoundingClientRect();
    const back = before !== null && now.bottom <= before.top && now.left < before.left;
    const from = window.was?.outerHTML.slice(0, 120) ?? "";
    window.was = node;
    return { what: `${from} -> ${node.outerHTML.slice(0, 160)}`, ring, back };
  });
}

for (const theme of ["light", "dark"] as const) {
  test(`small thing 33: Tab goes where the eye goes, and the focus is always seen: ${theme}`, async () => {
    const context = await stage.browser({ theme });
    for (const where of ["/", `/s/${ids.rich}`, "/new", "/settings", "/agents"]) {
      const page = await open(context, where);
      await page.waitForLoadState("networkidle");
      // Past the link that skips the bar: it lies over everything.
      await page.keyboard.press("Tab");
      const stops: Stop[] = [];
      for (let press = 0; press < 60; press += 1) {
        await page.keyboard.press("Tab");
        const now = await stop(page);
        if (now === null) break;
        stops.push(now);
      }
      assert.ok(stops.length > 5, `${where} has ${stops.length} stops`);
      const unseen = stops.filter(({ ring }) => !ring).map(({ what }) => what);
      assert.deepEqual(unseen, [], `${where}: the focus is not seen`);
      const odd = stops.filter(({ back }) => back).map(({ what }) => what);
      assert.deepEqual(odd, [], `${where}: Tab goes back`);
      await page.close();
    }
  });
}
