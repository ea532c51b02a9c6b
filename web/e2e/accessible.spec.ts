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
        await page.waitForLoadState("networkidle");
        // What fades in is half there, and axe would measure half a color.
        await page.evaluate(() =>
          Promise.allSettled(
            document
              .getAnimations()
              .filter((one) => one.effect?.getTiming().iterations === 1)
              .map((one) => one.finished),
          ),
        );
        if (shots) await page.screenshot({ path: path.join(shots, `${name}-${theme}-${width}.png`) });
        const found = await violations(page);
        assert.deepEqual(found, [], `${name}, ${theme}, ${width}`);
        const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        assert.ok(over <= 0, `${name} is ${over} px wider than the screen`);
      }
    });
  }
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
