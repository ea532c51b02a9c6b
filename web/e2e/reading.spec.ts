/** Who reads is not disturbed: not by text that streams in, not by older turns, not by what opens, and not by going away and coming back. */
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import type { Page } from "playwright-core";
import { frames, moves, topOf, upperLine, watchMoves } from "./support/lines.ts";
import { Stage, type Script } from "./support/stage.ts";
import { until } from "./support/until.ts";

/** Text and tools of all heights, with what is drawn late: code, changes. */
const work = Array.from({ length: 40 }, (_, n) => [
  {
    say: {
      text: `Step ${n}.\n\n${"It goes on, as far as it goes. ".repeat(1 + (n % 7))}\n\n\`\`\`ts\nconst n = ${n};\n\`\`\`\n`,
    },
  },
  {
    tool_call: {
      id: `e${n}`,
      title: `Edit ${n}.ts`,
      kind: "edit",
      status: "completed",
      diff: { path: `/shop/${n}.ts`, old_text: `let a = ${n};\n`, new_text: `let a = ${n + 1};\nlet b;\n` },
    },
  },
  {
    tool_call: {
      id: `x${n}`,
      title: `npm run ${n}`,
      kind: "execute",
      status: "completed",
      text: `done ${n}\nok\n`,
    },
  },
]).flat();

const script: Script = {
  turns: [
    { match: "work", steps: work },
    { match: "speak", steps: [{ say: { text: "word {{n}} ", repeat: 3000, every_ms: 50 } }] },
  ],
};

let stage: Stage;
let id: string;

before(async () => {
  stage = await Stage.open({ script });
  id = await stage.server.create({ agent: "script", cwd: stage.home.directory("read"), prompt: "work 1" });
  await stage.server.turn(id, 1);
  for (let turn = 2; turn <= 8; turn += 1) {
    await stage.server.prompt(id, `work ${turn}`);
    await stage.server.turn(id, turn);
  }
});
afterEach(() => stage.clear());
after(() => stage.close());

const feed = (page: Page) => page.getByRole("feed");
const mode = (page: Page) => feed(page).getAttribute("data-scroll");
const following = (page: Page) => until("it follows the end", async () => (await mode(page)) === "following");

/** A tab that shows the session to its end, with the pointer over the transcript. */
async function reader(where = `/s/${id}`): Promise<Page> {
  const page = await stage.tab(where, { width: 1100 });
  await feed(page).waitFor();
  await following(page);
  const box = await feed(page).boundingBox();
  await page.mouse.move((box?.x ?? 0) + 200, (box?.y ?? 0) + 200);
  return page;
}

/** Turns the wheel, and is back when the view rests. */
async function wheel(page: Page, by: number): Promise<void> {
  const before = await feed(page).evaluate((box) => box.scrollTop);
  await page.mouse.wheel(0, by);
  await until("the view moved", async () => (await feed(page).evaluate((box) => box.scrollTop)) !== before);
  await frames(page, 3);
}

/** When two frames were drawn, and a wheel does not turn in vain: while an older page is on its way the view may stand at the top. */
function roomAbove(page: Page, px: number): Promise<void> {
  return feed(page).evaluate(
    (box, wanted) =>
      new Promise<void>((then) => {
        const look = (drawn: number) =>
          drawn >= 2 && box.scrollTop > wanted ? then() : requestAnimationFrame(() => look(drawn + 1));
        look(0);
      }),
    px,
  );
}

/** What is drawn late, changes and code, is drawn: no row in sight moves any more. */
async function rests(page: Page): Promise<void> {
  const tops = () =>
    page.evaluate(() =>
      [...document.querySelectorAll("[role=feed] article")]
        .map((row) => row.getBoundingClientRect().top)
        .join(),
    );
  await until("the view rests", async () => {
    const before = await tops();
    await frames(page, 20);
    return (await tops()) === before;
  });
}

test("small thing 12: older turns arrive above: nothing moves", async () => {
  const page = await reader();
  const held: (() => void)[] = [];
  await page.route(/\/events\?.*before=/, async (route) => {
    await new Promise<void>((then) => held.push(then));
    await route.continue();
  });
  while (held.length === 0) {
    // At the top already, it may be that nothing moves any more.
    await page.mouse.wheel(0, -900);
    await frames(page, 3);
  }
  await rests(page);
  const line = await upperLine(page);
  const before = await feed(page).evaluate((box) => box.scrollHeight);
  await watchMoves(page);
  for (const go of held.splice(0)) go();
  await until(
    "they are there",
    async () => (await feed(page).evaluate((box) => box.scrollHeight)) > before + 500,
  );
  await frames(page, 20);
  const top = await topOf(page, line.id);
  assert.ok(top !== null && Math.abs(top - line.top) < 1, `it was at ${line.top} and is at ${top}`);
  const { back, sum } = await moves(page);
  assert.ok(back > -1 && Math.abs(sum) < 1, `within a frame it moved by ${back}, in all by ${sum}`);
});

test("reading up through older turns moves what is read as far as the wheel turns, and never back", async () => {
  const page = await reader();
  await wheel(page, -300);
  await rests(page);
  await watchMoves(page);
  let turned = 0;
  const first = await upperLine(page);
  for (let times = 0; times < 60; times += 1) {
    await page.mouse.wheel(0, -240);
    turned += 240;
    await roomAbove(page, 240);
  }
  await until("the wheel has come to rest", async () => {
    const one = await moves(page);
    await frames(page, 6);
    return (await moves(page)).sum === one.sum;
  });
  const { sum, back } = await moves(page);
  assert.notEqual((await upperLine(page)).id, first.id);
  assert.ok(back > -1, `what is read moved back by ${-back} px`);
  // A wheel that turns while rows are measured may lose some of a turn; what is read goes on from where it was.
  assert.ok(
    Math.abs(sum - turned) <= 0.02 * turned,
    `the wheel turned ${turned} px, what is read moved ${sum} px`,
  );
});

test("small thing 13: opening and closing a tool call keeps its line still", async () => {
  const page = await reader();
  await wheel(page, -700);
  await rests(page);
  const name = await page.evaluate(() => {
    const lines = [...document.querySelectorAll<HTMLElement>("[role=feed] button[data-fold]")];
    const inSight = lines.find((one) => one.getBoundingClientRect().top > 250);
    return inSight?.closest<HTMLElement>("article")?.dataset.id ?? "";
  });
  const line = feed(page).locator(`article[data-id="${name}"] button[data-fold]`);
  const top = async () => (await line.boundingBox())?.y ?? Number.NaN;
  const is = () => line.getAttribute("aria-expanded");
  const [before, first] = [await top(), await is()];
  for (const open of [first === "true" ? "false" : "true", first]) {
    await line.click();
    await until("it is so", async () => (await is()) === open);
    await rests(page);
    const now = await top();
    assert.ok(Math.abs(now - before) < 1, `it was at ${before} and is at ${now}`);
  }
});

test("small thing 11: who left at a line comes back to it, and who followed the end follows it again", async () => {
  const page = await reader();
  await wheel(page, -2500);
  const line = await upperLine(page);
  const place = `convene.place.${id}`;
  const kept = () => page.evaluate((key) => sessionStorage.getItem(key), place);
  await until("the place is kept", async () => (await kept())?.includes(line.id));
  const isBack = async (how: string) => {
    await until(`${how}: the line is where it was`, async () => {
      const top = await topOf(page, line.id);
      return top !== null && Math.abs(top - line.top) <= 1;
    });
  };
  await page.getByRole("link", { name: "Back to all sessions" }).click();
  await page.getByRole("link").filter({ hasText: "work 1" }).first().click();
  await isBack("by a click");
  await page.goto(`/s/${id}`);
  await isBack("by the address");
  await feed(page).press("Shift+G");
  await following(page);
  await until("nothing is kept", async () => (await kept()) === null);
  await page.goto("/");
  await page.goto(`/s/${id}`);
  await following(page);
  await until("it is at the end", () =>
    feed(page).evaluate((box) => box.scrollHeight - box.clientHeight - box.scrollTop < 1),
  );
});

/** A minute where there is room for it. */
const SECONDS = process.env.CONVENE_STRICT ? 60 : 10;

test(`small thing 9: who reads up while text streams in for ${SECONDS} s sees nothing move`, async () => {
  await stage.server.prompt(id, "speak");
  const page = await reader();
  const seq = async () => (await stage.server.session(id)).seq;
  const words = async (wanted: number) => {
    const from = await seq();
    await until(`${wanted} events came`, async () => (await seq()) >= from + wanted, 120_000);
  };
  await page.getByText(/word 5/).waitFor();
  await wheel(page, -600);
  await until("somebody reads", async () => (await mode(page)) === "reading");
  await rests(page);
  const line = await upperLine(page);
  await watchMoves(page);
  const began = performance.now();
  while (performance.now() - began < SECONDS * 1000) await words(5);
  assert.equal((await upperLine(page)).id, line.id);
  const drift = ((await topOf(page, line.id)) ?? Infinity) - line.top;
  const { sum, frames: drawn } = await moves(page);
  assert.ok(drawn > SECONDS, `${drawn} frames were looked at`);
  assert.ok(Math.abs(drift) < 0.5 && Math.abs(sum) < 0.5, `it drifted by ${drift} px, by frames ${sum} px`);
  await stage.server.must("POST", `/v1/sessions/${id}/cancel`, {});
});
