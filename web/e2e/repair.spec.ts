/** A log of which events are lost: shown as far as it can be read, told in words what is wrong, repaired, and used again. */
import assert from "node:assert/strict";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, afterEach, before, test } from "node:test";
import { hello } from "./support/scripts.ts";
import { Stage } from "./support/stage.ts";
import { until } from "./support/until.ts";

let stage: Stage;
before(async () => {
  stage = await Stage.open({ hello });
});
afterEach(() => stage.clear());
after(() => stage.close());

/** Loses the events of one type of a session's log, while no server runs. */
async function lose(id: string, type: string): Promise<void> {
  await stage.server.kill();
  const db = new DatabaseSync(path.join(stage.home.data, "convene.db"));
  const log = "(SELECT log FROM sessions WHERE id = ?)";
  const lost = db
    .prepare(`DELETE FROM events WHERE log = ${log} AND data LIKE ?`)
    .run(id, `%"type":"${type}"%`);
  assert.ok(Number(lost.changes) > 0, `${id} has no ${type}`);
  db.prepare(`DELETE FROM snapshots WHERE log = ${log}`).run(id);
  // Closed when the server has it open: who closes it last takes the write-ahead log away, and a log that is gone counts as lost.
  await stage.server.again();
  db.close();
}

test("a damaged session breaks nothing else, says what is wrong, is repaired and goes on", async () => {
  const cwd = stage.home.directory("broken");
  const id = await stage.server.create({ agent: "hello", cwd, prompt: "Say hello" });
  await stage.server.turn(id, 1);
  await stage.server.must("POST", `/v1/sessions/${id}/stop`, {});
  await stage.server.until(id, "it is stopped", (session: { state: string }) => session.state === "stopped");
  await lose(id, "turn_ended");
  const page = await stage.tab(`/s/${id}`, { expects: "damage" });
  await page.getByRole("button", { name: "Repair the log" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Events are lost here; the others are read past the hole").waitFor();
  await dialog.getByText("event_sequence_gap").waitFor();
  await dialog.getByText("Turn 1 ends as interrupted").waitFor();
  assert.match((await stage.server.session(id)).failure.code, /session_damaged/, "looking changes nothing");
  await page.getByText("Live", { exact: true }).first().waitFor({ state: "attached" });
  await dialog.getByRole("button", { name: "Repair", exact: true }).click();
  await page.getByText("The log is repaired. What is missing in it is known.").waitFor();
  await page.getByText(/^The log was repaired by/).waitFor();
  await page
    .getByRole("feed")
    .getByText(/lost here/)
    .waitFor();
  await page.getByRole("textbox", { name: /^Message to/ }).fill("Once more");
  await page.keyboard.press("Enter");
  await until(
    "it answered again",
    async () => (await page.getByText("Hello from the script.").count()) === 2,
  );
});

test("of a log that is whole it says so, and offers nothing", async () => {
  const cwd = stage.home.directory("whole");
  const id = await stage.server.create({ agent: "hello", cwd, prompt: "Say hello" });
  await stage.server.turn(id, 1);
  await stage.server.must("POST", `/v1/sessions/${id}/stop`, {});
  const page = await stage.tab(`/s/${id}`);
  await page.locator('header [data-badge="stopped"]').first().waitFor();
  await page.getByRole("button", { name: "More for this session" }).click();
  await page.getByRole("menuitem", { name: "Check the log" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("The last turn has its end", { exact: true }).waitFor();
  await dialog.getByText("There is nothing that a repair could close.").waitFor();
  assert.equal(await dialog.getByRole("button", { name: "Repair", exact: true }).count(), 0);
});
