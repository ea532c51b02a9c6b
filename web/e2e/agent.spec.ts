/**
 * A real agent, OpenCode, looked at in the browser: a person starts it with the form, watches it speak, answers what it asks, sees what it
 * changed, and cancels a turn. Its model is `convene mock-llm`, so it needs no key and no network.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { startMockModel } from "../../interop/mock-model.mjs";
import { missing, prepare, toToml } from "../../interop/recipe.mjs";
import { Stage } from "./support/stage.ts";
import { until } from "./support/until.ts";

const AGENT = "opencode";
/** How long an agent may take to start, which a crowded machine makes long. */
const SLOW_MS = 120_000;
/** Screenshots go here if it is set, to be looked at. */
const shots = process.env.CONVENE_SHOTS;

const CART = "export const cart = {\n  items: [],\n  close() {\n    this.items = [];\n  },\n};\n";
const MENDED = CART.replace("this.items = []", "if (this.placed) this.items = []");
const TEST = [
  'import assert from "node:assert";',
  'import { cart } from "./cart.mjs";',
  'cart.items.push("tea");',
  "cart.close();",
  'assert.deepEqual(cart.items, ["tea"]);',
  'console.log("the cart keeps its items");',
].join("\n");

/** What its model says and does, by what the person wrote. */
const script = {
  rules: [
    {
      match: { user: "Mend the cart" },
      steps: [
        { text: { say: "The cart loses its items too early. I look at it first. ", delay_ms: 20 } },
        { tool_call: { name: "read", input: { filePath: "cart.mjs" } } },
      ],
    },
    {
      match: { user: "Mend the cart", tool_result: "close() {", call: 1 },
      steps: [
        {
          tool_call: {
            name: "edit",
            input: {
              filePath: "cart.mjs",
              oldString: "    this.items = [];",
              newString: "    if (this.placed) this.items = [];",
            },
          },
        },
      ],
    },
    {
      match: { user: "Mend the cart", tool_result: "" },
      steps: [{ text: "It keeps its items now until the order is placed." }],
    },
    { match: { user: "Try it" }, steps: [{ text: "I run its test. " }, { shell: "node cart.test.mjs" }] },
    {
      match: { user: "Try it", tool_result: "the cart keeps its items" },
      steps: [{ text: "The test **passes**." }],
    },
  ],
};

const why: string | undefined = whyNot();
let model: Awaited<ReturnType<typeof startMockModel>>;
let stage: Stage;
let home: string;
let work: string;
let page: Page;

before(async () => {
  if (why) return;
  home = mkdtempSync(path.join(os.tmpdir(), "convene-agent-"));
  const rules = path.join(home, "model.json");
  writeFileSync(rules, JSON.stringify(script));
  model = await startMockModel({ tick: 50, script: rules });
  stage = await Stage.open({}, toToml(AGENT, prepare(AGENT, { modelUrl: model.url, home })));
  work = stage.home.directory("shop");
  writeFileSync(path.join(work, "cart.mjs"), CART);
  writeFileSync(path.join(work, "cart.test.mjs"), TEST);
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.com", ...args], { cwd: work });
  git("init", "-q");
  git("add", ".");
  git("commit", "-q", "-m", "Begin");
  if (shots) mkdirSync(shots, { recursive: true });
  page = await stage.tab();
  page.setDefaultTimeout(SLOW_MS);
});
after(async () => {
  if (why) return;
  await stage.close();
  await model.close();
  rmSync(home, { recursive: true, force: true, maxRetries: 10 });
});

test(
  "a session made with the form shows what the agent says and the edit that it asks for",
  { skip: why },
  async () => {
    await page.getByRole("banner").getByRole("link", { name: "New session" }).click();
    await page.getByLabel("What should be done?").fill("Mend the cart");
    await page.getByRole("radio", { name: new RegExp(AGENT, "i") }).check();
    await page.getByRole("combobox", { name: "Where" }).fill(work);
    await page.getByRole("button", { name: /^Start/ }).click();
    await page.getByText("loses its items too early").waitFor({ timeout: SLOW_MS });
    const card = asked(/edit/);
    await card.waitFor({ timeout: SLOW_MS });
    await card.getByText("if (this.placed)").waitFor();
    await shoot("agent-edit-asked");
    assert.equal(file("cart.mjs"), CART, "nothing is changed before the answer");
    await allow(card);
    await page.getByText("until the order is placed").waitFor();
    assert.equal(file("cart.mjs"), MENDED);
    await shoot("agent-diff-in-talk");
  },
);

test("what it changed is in the session's changes", { skip: why }, async () => {
  await tab("Changes").click();
  await page.getByText("if (this.placed)").first().waitFor();
  await shoot("agent-changes");
  await tab("Talk").click();
});

test("a command runs when its card is answered, and its output is shown", { skip: why }, async () => {
  await send("Try it");
  const card = asked(/run/);
  await card.getByText("node cart.test.mjs").first().waitFor();
  await shoot("agent-command-asked");
  await allow(card);
  await page.getByText("The test passes.").waitFor();
  await page.getByRole("button", { name: /Ran .*node cart\.test\.mjs/ }).click();
  await page.getByText("the cart keeps its items").first().waitFor();
  await shoot("agent-command");
});

test("a command that is rejected does not run", { skip: why }, async () => {
  await send("RUN touch rejected.txt");
  const card = asked(/run/);
  await card.getByRole("button", { name: /^Reject/ }).click();
  await card.waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Cancel turn" }).waitFor({ state: "detached" });
  assert.throws(() => file("rejected.txt"), /ENOENT/);
});

test("text streams, and the button ends the turn", { skip: why }, async () => {
  await send("SLOW 400");
  await page.getByText("tick5 ").first().waitFor();
  const before = await ticks();
  await until("more is said", async () => (await ticks()) > before);
  await page.getByRole("button", { name: "Cancel turn" }).click();
  await page.getByText("Turn canceled").last().waitFor();
  await page.getByRole("button", { name: "Cancel turn" }).waitFor({ state: "detached" });
  await shoot("agent-canceled");
  assert.doesNotMatch(await page.locator("main").innerText(), /tick399/);
  assert.deepEqual(await model.refused(), [], "what the real API would refuse");
});

/** How many words of `SLOW` are shown. */
async function ticks(): Promise<number> {
  return (await page.locator("main").innerText()).match(/tick\d+/g)?.length ?? 0;
}

function tab(name: string) {
  return page.getByRole("tab", { name: new RegExp(`^${name}`) });
}

/** The card of a permission whose title has that word. */
function asked(what: RegExp) {
  const title = new RegExp(`${AGENT} wants to ${what.source}`, "i");
  return page.locator("[data-card]").filter({ hasText: title });
}

/** Allows it once, as soon as the button acts. */
async function allow(card: ReturnType<typeof asked>): Promise<void> {
  await card.getByRole("button", { name: /once/i }).click();
  await card.waitFor({ state: "detached" });
}

async function send(text: string): Promise<void> {
  await page.getByRole("textbox", { name: /^Message to/ }).fill(text);
  await page.getByRole("button", { name: /^Send/ }).click();
}

async function shoot(name: string): Promise<void> {
  if (shots) await page.screenshot({ path: path.join(shots, `${name}.png`) });
}

function file(name: string): string {
  return readFileSync(path.join(work, name), "utf8");
}

/** Why the agent cannot be tried here, if it cannot: no package for this machine, or no registry to get it from. */
function whyNot(): string | undefined {
  const known = missing(AGENT);
  if (known) return known;
  const draft = mkdtempSync(path.join(os.tmpdir(), "convene-agent-"));
  try {
    const { command } = prepare(AGENT, { modelUrl: "http://127.0.0.1:9", home: draft });
    return existsSync(command[0] ?? "") ? undefined : `${AGENT} has no package for this machine`;
  } catch (error) {
    return `${AGENT} cannot be installed: ${error instanceof Error ? error.message : String(error)}`;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}
