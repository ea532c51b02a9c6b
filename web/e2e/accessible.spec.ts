/** Each page in both themes, wide and on a phone: axe finds nothing, and nothing scrolls sideways. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { after, before, test } from "node:test";
import { rich } from "./support/rich.ts";
import { Stage } from "./support/stage.ts";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** Screenshots go here if it is set, to be looked at. */
const shots = process.env.CONVENE_SHOTS;

let stage: Stage;
let id: string;
/** One that is at rest. */
let over: string;

before(async () => {
  stage = await Stage.open({ rich });
  const cwd = stage.home.directory("shop");
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.com", ...args], { cwd });
  git("init", "-q");
  git("commit", "-q", "--allow-empty", "-m", "Begin");
  id = await stage.server.create({ agent: "rich", cwd, prompt: "Please mend the cart" });
  const { view } = await stage.server.turn(id, 1);
  assert.equal(view.last_turn.stop_reason, "end_turn", JSON.stringify(view.failure));
  await stage.server.prompt(id, "Now run the test");
  await stage.server.until(id, "it asks", (session: { badge: string }) => session.badge === "needs-you");
  over = await stage.server.create({ agent: "rich", cwd, prompt: "Please mend the cart" });
  await stage.server.turn(over, 1);
  await stage.server.must("POST", `/v1/sessions/${over}/stop`, {});
  await stage.server.until(
    over,
    "it is stopped",
    (session: { state: string }) => session.state === "stopped",
  );
  if (shots) mkdirSync(shots, { recursive: true });
});
after(() => stage.close());

const pages = (): Record<string, string> => ({
  home: "/",
  empty: "/?q=nothing-is-called-so",
  new: "/new",
  talk: `/s/${id}`,
  changes: `/s/${id}/changes`,
  timeline: `/s/${id}/timeline`,
  events: `/s/${id}/events`,
  facts: `/s/${id}/facts`,
  missing: "/s/ses_00000000000000000000000000000000",
  workers: "/workers",
  agents: "/agents",
  settings: "/settings",
  about: "/about",
});

for (const theme of ["light", "dark"] as const) {
  for (const width of [1280, 390]) {
    test(`${theme}, ${width} px wide`, async () => {
      const page = await stage.tab("/", { theme, width, height: 820, expects: "refusals" });
      for (const [name, where] of Object.entries(pages())) {
        await page.goto(where);
        await page.getByRole("heading", { level: 1 }).first().waitFor({ state: "attached" });
        await page.waitForLoadState("networkidle", { timeout: 120_000 });
        await still(page);
        if (shots) await page.screenshot({ path: path.join(shots, `${name}-${theme}-${width}.png`) });
        const found = await violations(page);
        assert.deepEqual(found, [], `${name}, ${theme}, ${width}`);
        const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        assert.ok(over <= 0, `${name} is ${over} px wider than the screen`);
      }
    });
  }
}

for (const theme of ["light", "dark"] as const) {
  for (const width of [1280, 390]) {
    test(`what opens over a session: ${theme}, ${width} px wide`, async () => {
      const page = await stage.tab(`/s/${over}`, { theme, width, height: 820, expects: "refusals" });
      const phone = width < 600;
      const layer = page.getByRole("dialog").or(page.getByRole("alertdialog"));
      const looked = async (name: string, title: string) => {
        await layer.getByRole("heading", { name: title }).waitFor();
        await still(page);
        if (shots) await page.screenshot({ path: path.join(shots, `${name}-${theme}-${width}.png`) });
        assert.deepEqual(await violations(page), [], `${name}, ${theme}, ${width}`);
      };
      const closed = async () => {
        await page.keyboard.press("Escape");
        await layer.first().waitFor({ state: "detached" });
      };
      await page.getByText("No process is left.").waitFor();
      await still(page);
      if (shots) await page.screenshot({ path: path.join(shots, `stopped-${theme}-${width}.png`) });
      const menu = async (name: string) => {
        await page.getByRole("button", { name: "More for this session" }).click();
        await page.getByRole(phone ? "button" : "menuitem", { name, exact: true }).click();
      };
      await page.locator("article[data-row=turn]").first().hover();
      if (phone) await page.getByRole("button", { name: "More for this message" }).click();
      await page.getByRole("button", { name: "Rewind to here" }).click();
      await looked("rewind", "Rewind to before this message?");
      await closed();
      await menu("Check the log");
      await page.getByText("There is nothing that a repair could close.").waitFor();
      await looked("repair", "Check the log of this session");
      await closed();
      await menu("Fork");
      await looked("fork", "Fork this session");
      await closed();
      await menu("Model, mode and permissions");
      await looked("options", "Model, mode and permissions");
    });
  }
}

/** What fades in is half there, and axe would measure half a color. */
function still(page: Page): Promise<unknown> {
  return page.evaluate(() =>
    Promise.allSettled(
      document
        .getAnimations()
        .filter((one) => one.effect?.getTiming().iterations === 1)
        .map((one) => one.finished),
    ),
  );
}

type Page = Awaited<ReturnType<Stage["tab"]>>;

/** What axe objects to: the rule, and the elements. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    type Found = { violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[] };
    const { axe } = window as unknown as {
      axe: { run: (on: Document, how: { preload: boolean }) => Promise<Found> };
    };
    const { violations } = await axe.run(document, { preload: false });
    return violations.flatMap(({ id, nodes }) =>
      nodes.map((node) => `${id}: ${node.html.slice(0, 200)} ${node.failureSummary ?? ""}`),
    );
  });
}
