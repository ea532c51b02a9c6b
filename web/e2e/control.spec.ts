/** What can be done with a session from the browser: each deed says what follows from it, shows at once, and is true afterwards. */
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

/** A session that has said something, and a tab that shows it. */
async function talked(prompt: string, expects: "nothing" | "refusals" = "nothing"): Promise<[string, Page]> {
  const cwd = stage.home.directory(prompt.replace(/\W+/g, "-").toLowerCase());
  const id = await stage.server.create({ agent: "hello", cwd, prompt });
  await stage.server.turn(id, 1);
  const page = await stage.tab(`/s/${id}`, { expects });
  await page.getByText("Hello from the script.").waitFor();
  return [id, page];
}

async function choose(page: Page, name: string): Promise<void> {
  await page.getByRole("button", { name: "More for this session" }).click();
  await page.getByRole("menuitem", { name, exact: true }).click();
}

const badge = (page: Page, name: string) => page.locator(`header [data-badge="${name}"]`).first();
const message = (page: Page) => page.getByRole("textbox", { name: /^Message to/ });

test("put to sleep, resumed, put to sleep again and woken by a prompt", async () => {
  const [id, page] = await talked("Sleep and wake");
  await choose(page, "Put to sleep");
  await badge(page, "hibernated").waitFor();
  await page.getByText("Went to sleep. It wakes when you write.").waitFor();
  assert.equal((await stage.server.session(id)).state, "hibernated");
  await page.getByRole("button", { name: "Resume" }).click();
  await badge(page, "idle").waitFor();
  await stage.server.must("POST", `/v1/sessions/${id}/hibernate`, { recap: true });
  await badge(page, "hibernated").waitFor();
  await message(page).fill("Wake up");
  await page.keyboard.press("Enter");
  await until(
    "it answered twice",
    async () => (await page.getByText("Hello from the script.").count()) === 2,
  );
});

test("cleared: the question says what is forgotten, and the log stays", async () => {
  const [id, page] = await talked("Clear this");
  await choose(page, "Clear the conversation");
  const asks = page.getByRole("alertdialog");
  await asks.getByText("remembers nothing of what was said. The log stays readable").waitFor();
  await page.keyboard.press("Escape");
  await asks.waitFor({ state: "detached" });
  assert.equal((await stage.server.events(id)).filter(isOf("session_cleared")).length, 0, "Escape is no");
  await choose(page, "Clear the conversation");
  await asks.getByRole("button", { name: "Clear the conversation" }).click();
  await page.getByText(/^Cleared by .*knows nothing of the above/).waitFor();
  await page.getByText("Hello from the script.").waitFor();
});

test("forked with a prompt: the new session is led to, and both tell of it", async () => {
  const [id, page] = await talked("Fork this");
  await choose(page, "Fork");
  const dialog = page.getByRole("dialog");
  await dialog.getByText("both work on the same files").waitFor();
  await dialog.getByRole("textbox").fill("Go another way");
  const { calls } = stage.guardOf(page);
  const seen = calls.length;
  await page.keyboard.press("Control+Enter");
  await page.getByRole("heading", { name: "Fork this (fork)" }).waitFor();
  await page.getByText(`Goes on with the conversation of session ${id.slice(-6)}`).waitFor();
  await page.getByText("Hello from the script.").waitFor();
  const gets = calls.slice(seen).filter(({ method, path }) => method === "GET" && !path.endsWith("/events"));
  assert.deepEqual(gets, [], "what the reply told is not asked for");
  await page.getByRole("tab", { name: "Facts" }).click();
  await page.getByRole("link", { name: id }).click();
  await page.getByRole("heading", { name: "Fork this", exact: true }).waitFor();
});

test("a command is found by name in the palette, and asks there as well", async () => {
  const [, page] = await talked("By name");
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").fill("clear the conv");
  await page.keyboard.press("Enter");
  await page.getByRole("alertdialog").getByText("Clear the conversation?").waitFor();
});

test("stopped, archived, taken out and deleted, each as the dialogs said", async () => {
  const [id, page] = await talked("Stop and delete");
  await page.getByRole("button", { name: "Stop session" }).click();
  const asks = page.getByRole("alertdialog");
  await asks.getByText("The agent and everything it started are ended; files stay").waitFor();
  await asks.getByRole("button", { name: "Stop session" }).click();
  await badge(page, "stopped").waitFor();
  const end = page.locator("article[data-row=note]").filter({ hasText: "No process is left." });
  await end.getByText(/was enough\.|It took SIG/).waitFor();
  await page.keyboard.press("5");
  await page.getByText("How it was ended").waitFor();
  await page.keyboard.press("1");
  await page.keyboard.press("e");
  await badge(page, "archived").waitFor();
  await until("it is put away", async () => (await stage.server.session(id)).archived);
  await page.keyboard.press("e");
  await badge(page, "stopped").waitFor();
  await choose(page, "Delete");
  await asks.getByText(/^Delete \d+ events for good\? Files in .* are not touched\.$/).waitFor();
  await asks.getByRole("button", { name: "Delete session" }).click();
  await page.getByText("Deleted: Stop and delete").waitFor();
  assert.equal((await stage.server.api("GET", `/v1/sessions/${id}`)).status, 404);
});

test("small thing 6: a refused name goes back and says why at the title", async () => {
  const [id, page] = await talked("Keep my name", "refusals");
  await page.keyboard.press("r");
  await page.getByRole("textbox", { name: "Title of the session" }).fill("x".repeat(5000));
  await page.keyboard.press("Enter");
  await page.getByText("The title stays as it was:").waitFor();
  await page.getByRole("heading", { name: "Keep my name" }).waitFor();
  assert.equal((await stage.server.session(id)).title, "Keep my name");
});

function isOf(type: string) {
  return (event: { readonly type: string }) => event.type === type;
}
