/** What somebody typed and looked at is still there after a reload, another tab or a refusal. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Locator, Page } from "playwright-core";
import { hello, slow } from "./support/scripts.ts";
import { open, Stage } from "./support/stage.ts";
import { until } from "./support/until.ts";

let stage: Stage;

before(async () => {
  stage = await Stage.open({ hello, slow });
});
after(() => stage.close());

const message = (page: Page) => page.getByRole("textbox", { name: /^Message to/ });
const live = (page: Page) => page.getByText("Live", { exact: true }).first().waitFor({ state: "attached" });
const create = (name: string, agent = "hello", prompt?: string) =>
  stage.server.create({ agent, cwd: stage.home.directory(name), title: name, ...(prompt ? { prompt } : {}) });

/** What is in a field, where its caret is, and how far it is scrolled. */
const place = (field: Locator) =>
  field.evaluate((box: HTMLTextAreaElement) => [box.value, box.selectionStart, box.scrollTop] as const);

declare global {
  interface Window {
    /** What is going to be pasted. */
    pasted?: DataTransfer;
  }
}

/** Pastes a megabyte into the message; how long the longest task was that came of it. */
async function paste(page: Page): Promise<number> {
  await message(page).focus();
  // Made before: it is not the page that has to make it.
  await page.evaluate(
    (line) => {
      window.pasted = new DataTransfer();
      window.pasted.setData("text/plain", line.repeat(9_800));
    },
    `${"word ".repeat(19)}end.\n`,
  );
  return message(page).evaluate(
    (box) =>
      new Promise<number>((then) => {
        let longest = 0;
        let last = Infinity;
        // Long tasks are told of late, in their order: all are known when the one that ends this is.
        new PerformanceObserver((list, watch) => {
          for (const { startTime, duration } of list.getEntries()) {
            if (startTime + duration <= last + 50) longest = Math.max(longest, Math.round(duration));
            else {
              watch.disconnect();
              then(longest);
            }
          }
        }).observe({ entryTypes: ["longtask"] });
        const end = () => {
          last = performance.now();
          while (performance.now() < last + 100);
        };
        // In a task of the page: one of the test's own is never told of.
        requestAnimationFrame(() => {
          const press = { clipboardData: window.pasted ?? null, bubbles: true, cancelable: true };
          box.dispatchEvent(new ClipboardEvent("paste", press));
          requestAnimationFrame(() => requestIdleCallback(end));
        });
      }),
  );
}

/** Whether the browser's own storage holds a text, under a name with `of` in it. */
const isKept = (page: Page, text: string, of = "") =>
  page.evaluate(
    ([wanted, part]) =>
      Object.entries(localStorage).some(([name, one]) => name.includes(part) && String(one).includes(wanted)),
    [text, of] as const,
  );

test("small thing 14: a reload in mid-sentence: the draft, the caret and the field's scroll are back", async () => {
  const id = await create("sentence");
  const page = await stage.tab(`/s/${id}`);
  const text = Array.from({ length: 60 }, (_, at) => `line ${at}`).join("\n");
  await message(page).fill(text);
  await page.keyboard.press("Control+Home");
  for (let line = 0; line < 40; line += 1) await page.keyboard.press("ArrowDown");
  const before = await place(message(page));
  assert.ok(before[1] > 0 && before[2] > 0, "it is somewhere in the middle");
  await until("it is written down", () => isKept(page, `"caret":${before[1]},"scroll":${before[2]}`));
  await page.reload();
  await live(page);
  assert.deepEqual(await place(message(page)), before);
});

test("small thing 15: the draft of one session never shows in another", async () => {
  const [one, other] = [await create("one"), await create("other")];
  const page = await stage.tab(`/s/${one}`);
  await message(page).fill("only for one");
  await page.getByRole("link", { name: "Back to all sessions" }).click();
  await page.getByRole("link").filter({ hasText: "other" }).first().click();
  await page.getByRole("heading", { name: "other" }).waitFor();
  assert.equal(await message(page).inputValue(), "");
  await page.goBack();
  await page.getByRole("link").filter({ hasText: "one" }).first().click();
  await page.getByRole("heading", { name: "one" }).waitFor();
  assert.equal(await message(page).inputValue(), "only for one");
  assert.notEqual(one, other);
});

test("small thing 18: a pasted megabyte becomes an attachment without a long task, outlives a reload, and goes with the message", async () => {
  const page = await stage.tab("/");
  const chip = page.getByRole("listitem").filter({ hasText: "Pasted text 1" });
  const longest: number[] = [];
  let id = "";
  // A machine that does other things as well makes one of them long, but hardly each.
  for (const name of ["paste one", "paste two", "paste three"]) {
    id = await create(name);
    await page.goto(`/s/${id}`);
    await live(page);
    longest.push(await paste(page));
    await chip.waitFor();
  }
  assert.ok(Math.min(...longest) <= 100, `tasks of ${longest.join(", ")} ms`);
  await message(page).fill("Look at this");
  await until("it is written down", () => isKept(page, "Look at this"));
  await page.reload();
  await live(page);
  await chip.waitFor();
  assert.equal(await message(page).inputValue(), "Look at this");
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByText("Hello from the script.").waitFor();
  await until("nothing of it is kept", async () => !(await isKept(page, "word word", id)));
  const events = await stage.server.events(id);
  const prompt = events.find(isOf("turn_queued"));
  assert.equal(JSON.stringify(prompt?.content).match(/end\./g)?.length, 9_800);
});

test("a form for a new session is kept whole, with its caret, until the session is made", async () => {
  const page = await stage.tab("/new");
  const prompt = page.getByLabel("What should be done?");
  await prompt.fill("Half a thought");
  await page.getByRole("radio", { name: /slow/ }).check();
  await prompt.focus();
  await page.keyboard.press("Control+Home");
  for (let letter = 0; letter < 4; letter += 1) await page.keyboard.press("ArrowRight");
  await until("it is written down", () => isKept(page, '"caret":4'));
  await page.reload();
  await live(page);
  assert.deepEqual((await place(prompt)).slice(0, 2), ["Half a thought", 4]);
  assert.equal(await page.getByRole("radio", { name: /slow/ }).isChecked(), true);
  await page.getByRole("radio", { name: /hello/ }).check();
  await page.getByRole("combobox", { name: "Where" }).fill(stage.home.directory("made"));
  await page.getByRole("button", { name: /^Start/ }).click();
  await page.getByText("Hello from the script.").waitFor();
  await page.goto("/new");
  await live(page);
  assert.equal(await prompt.inputValue(), "");
});

test("small thing 16: what cannot be sent stays in the field, and why is said", async () => {
  const id = await create("refused");
  const page = await stage.tab(`/s/${id}`, { expects: "refusals" });
  await page.route("**/prompts", (route) =>
    route.fulfill({
      status: 409,
      contentType: "application/problem+json",
      body: JSON.stringify({
        code: "session_archived",
        status: 409,
        detail: "It is put away.",
        hint: "Take it out.",
      }),
    }),
  );
  // Without a connection nothing would be sent.
  await live(page);
  await message(page).fill("Please do it");
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByText("It is put away.").waitFor();
  await page.getByText("Take it out.").waitFor();
  await page.getByRole("button", { name: "Copy error session_archived" }).waitFor();
  assert.equal(await message(page).inputValue(), "Please do it");
});

test("without a connection nothing is sent behind one's back, and the text waits in the field", async () => {
  const own = await Stage.open({ hello });
  try {
    const id = await own.server.create({ agent: "hello", cwd: own.home.directory("offline") });
    const page = await own.tab(`/s/${id}`, { expects: "death" });
    // What of the page is not there yet does not come from a dead server.
    await message(page).waitFor();
    await page.waitForLoadState("networkidle");
    await own.server.kill();
    await page.getByText("No connection: it is not sent.", { exact: false }).waitFor();
    await message(page).fill("Please do it");
    await message(page).press("Enter");
    assert.equal(await message(page).inputValue(), "Please do it");
    await own.server.again();
    await page.getByText("No connection: it is not sent.", { exact: false }).waitFor({ state: "detached" });
    assert.equal((await own.server.events(id)).filter(isOf("turn_queued")).length, 0);
    await message(page).press("Enter");
    await page.getByText("Hello from the script.").waitFor();
  } finally {
    await own.close();
  }
});

test("small thing 17: Enter that ends a composition sends nothing", async () => {
  const id = await create("japanese");
  const page = await stage.tab(`/s/${id}`);
  await message(page).focus();
  const typing = await page.context().newCDPSession(page);
  await typing.send("Input.imeSetComposition", { text: "にほん", selectionStart: 3, selectionEnd: 3 });
  // What a browser sends while a composition is open; where it has just ended Safari sends the second kind.
  for (const press of [{ isComposing: true }, { keyCode: 229 }]) {
    await message(page).evaluate((box, how) => {
      box.dispatchEvent(
        new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true, ...how }),
      );
    }, press);
  }
  await typing.send("Input.insertText", { text: "日本" });
  assert.equal(await message(page).inputValue(), "日本");
  assert.equal((await stage.server.events(id)).filter(isOf("turn_queued")).length, 0);
  await page.keyboard.press("Enter");
  await page.getByText("Hello from the script.").waitFor();
});

test("a turn that ended while nobody looked has its dot, also after a reload, until somebody looks", async () => {
  const id = await create("dotted");
  const context = await stage.browser();
  const page = await open(context, "/");
  const dot = page
    .getByRole("link")
    .filter({ hasText: "dotted" })
    .getByRole("img", { name: "finished, not looked at" });
  await page.getByRole("link").filter({ hasText: "dotted" }).first().waitFor();
  await stage.server.prompt(id, "Go");
  await dot.waitFor({ state: "attached" });
  await until("it is written down", () =>
    page.evaluate(
      (session) => (localStorage.getItem("convene.visits") ?? "").includes(`"finished":{"${session}"`),
      id,
    ),
  );
  await page.reload();
  await live(page);
  await dot.waitFor({ state: "attached" });
  await page.getByRole("link").filter({ hasText: "dotted" }).first().click();
  await page.getByRole("feed").getByText("Hello from the script.").waitFor();
  // Words may be there before anybody counts as having looked at them.
  await until("it counts as looked at", () =>
    page.evaluate((session) => {
      const kept: unknown = JSON.parse(localStorage.getItem("convene.visits") ?? "null");
      if (typeof kept !== "object" || kept === null || !("finished" in kept)) return false;
      return typeof kept.finished === "object" && kept.finished !== null && !(session in kept.finished);
    }, id),
  );
  await page.getByRole("link", { name: "Back to all sessions" }).click();
  await page.getByRole("link").filter({ hasText: "dotted" }).first().waitFor();
  await dot.waitFor({ state: "detached" });
});

test("the bar of a running turn grows, and a canceled turn tells of no tokens", async () => {
  const id = await create("growing", "slow");
  const page = await stage.tab(`/s/${id}/timeline`);
  // It speaks for a while only, and that begins when somebody looks.
  await stage.server.prompt(id, "Speak");
  const bar = page.locator("[data-bar] > span").first();
  await bar.waitFor();
  const wide = await page.evaluate(() => {
    const parts = [...document.querySelectorAll<HTMLElement>("[data-bar] > span")];
    return parts.map((one) => one.style.width);
  });
  await until("a part has grown", async () => {
    const now = await page.evaluate(() =>
      [...document.querySelectorAll<HTMLElement>("[data-bar] > span")].map((one) => one.style.width),
    );
    return now.some((width, at) => width !== wide[at]);
  });
  await page.getByRole("button", { name: "Cancel turn" }).click();
  await page.getByText("canceled").first().waitFor();
  assert.doesNotMatch(await page.locator("main").innerText(), /0 in, 0 out/);
});

function isOf(type: string) {
  return (event: { readonly type: string }) => event.type === type;
}
