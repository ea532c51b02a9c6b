// Lighthouse on the page as the built binary serves it (CONVENE_BIN, or what cargo built last), with a session in it.
//
//   node_modules/node/bin/node scripts/lighthouse.mjs [--form mobile|desktop] [--runs N] [--least PERFORMANCE] [--out DIR]
//
// A page's score is the median of N runs (3 without a word). It is measured against the machine's own clock: what other work takes from the
// browser counts against the page, four times on a phone. So an empty page is measured as well: what it lacks, the machine lacks.
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import readline from "node:readline";
import { parseArgs } from "node:util";
import lighthouse, { desktopConfig } from "lighthouse";
import { chromium as playwright } from "playwright-core";
import { binary, Convene, Home } from "../../interop/convene.mjs";
import { chromium } from "../e2e/support/chromium.mjs";
import { freshPage } from "../e2e/support/fresh-page.ts";

const KINDS = ["performance", "accessibility"];
/** The least of accessibility, which is the same on every machine. */
const ACCESSIBLE = 95;

const { values } = parseArgs({
  options: {
    form: { type: "string", default: "mobile" },
    runs: { type: "string", default: "3" },
    least: { type: "string", default: "95" },
    out: { type: "string" },
  },
});

const script = {
  turns: [
    {
      steps: [
        { tool_call: { id: "t1", title: "npm test", kind: "execute", status: "completed", text: "ok" } },
        { say: { text: "The cart keeps its items now.\n\n```ts\nif (this.placed) this.items = [];\n```" } },
      ],
    },
  ],
};

const home = new Home();
const file = path.join(home.root, "script.json");
writeFileSync(file, JSON.stringify(script));
const command = JSON.stringify([binary(), "agent", "builtin", "--script", file]);
const convene = new Convene(home, `[agents.script]\ncommand = ${command}\n`);
const chrome = await browser();
const empty = http.createServer((_, response) => {
  response.setHeader("content-type", "text/html");
  response.end('<!doctype html><html lang="en"><title>Empty</title><main><h1>Nothing</h1></main></html>');
});
let fresh = null;
let worst = 100;
try {
  await convene.start();
  const cwd = home.directory("shop");
  const id = await convene.create({ agent: "script", cwd, prompt: "Mend the cart" });
  await convene.turn(id, 1);
  const dist = process.env.CONVENE_E2E_DIST;
  if (dist) fresh = await freshPage(dist, () => convene.url);
  const url = fresh?.url ?? convene.url;
  await signIn(url);
  await new Promise((ready) => empty.listen(0, "127.0.0.1", ready));
  await tell("an empty page", `http://127.0.0.1:${empty.address().port}/`, false);
  await tell("/", `${url}/`, true);
  await tell("/s/ID", `${url}/s/${id}`, true);
  await tell("/new", `${url}/new`, true);
} finally {
  await chrome.close();
  empty.close();
  fresh?.close();
  await convene.end();
  home.remove();
}
if (worst < Number(values.least)) {
  console.error(`at least ${values.least} is wanted, and ${worst} was found`);
  process.exit(1);
}

/** Measures a page and prints what it got, and for what it got less than everything. */
async function tell(name, url, counts) {
  const looks = [];
  for (let run = 0; run < Number(values.runs); run += 1) looks.push(await look(url));
  looks.sort((a, b) => score(a.lhr, "performance") - score(b.lhr, "performance"));
  const { lhr, report } = looks[looks.length >> 1];
  const all = looks.map((one) => score(one.lhr, "performance")).join(", ");
  const times = ["first-contentful-paint", "largest-contentful-paint", "total-blocking-time"];
  const shown = times.map((id) => `${id} ${lhr.audits[id].displayValue}`).join(", ");
  const machine = Math.round(lhr.environment.benchmarkIndex);
  console.log(
    `${name}: performance ${score(lhr, "performance")} of ${all}, accessibility ${score(lhr, "accessibility")} (${shown}; machine ${machine})`,
  );
  if (!counts) return;
  worst = Math.min(worst, score(lhr, "performance"));
  if (score(lhr, "accessibility") < ACCESSIBLE) throw new Error(`${name} is not accessible enough`);
  for (const kind of KINDS) {
    for (const { id, weight } of lhr.categories[kind].auditRefs) {
      const { score: part, title } = lhr.audits[id];
      if (weight > 0 && part !== null && part < 0.9) console.log(`  ${kind}: ${id} ${part}: ${title}`);
    }
  }
  if (!values.out) return;
  mkdirSync(values.out, { recursive: true });
  writeFileSync(path.join(values.out, `${name.replaceAll("/", "_")}.html`), report);
}

async function look(url) {
  const flags = {
    port: chrome.port,
    onlyCategories: KINDS,
    output: "html",
    // All but the cookie.
    clearStorageTypes: ["cache_storage", "file_systems", "indexeddb", "local_storage", "service_workers"],
  };
  // A crowded browser loses a trace now and then.
  for (let left = 2; ; left -= 1) {
    const found = await lighthouse(url, flags, values.form === "desktop" ? desktopConfig : undefined);
    if (!found.lhr.runtimeError) return found;
    if (left === 0) throw new Error(`${url}: ${found.lhr.runtimeError.message}`);
  }
}

function score(lhr, kind) {
  return Math.round(100 * lhr.categories[kind].score);
}

/** Signs that browser in by a login link. A header would not do: a socket has none of a page's own. */
async function signIn(url) {
  const { path: link } = await convene.must("POST", "/v1/login/links");
  const token = new URLSearchParams(link.slice(link.indexOf("#") + 1)).get("t");
  const response = await fetch(`${convene.url}/v1/login`, {
    method: "POST",
    headers: { "content-type": "application/json", origin: convene.url },
    body: JSON.stringify({ token }),
  });
  if (!response.ok) throw new Error(`signing in: ${response.status} ${await response.text()}`);
  const cookies = response.headers.getSetCookie().map((line) => {
    const [pair] = line.split(";");
    const at = pair.indexOf("=");
    return { name: pair.slice(0, at), value: pair.slice(at + 1), url, httpOnly: true, sameSite: "Strict" };
  });
  const browser = await playwright.connectOverCDP(`http://127.0.0.1:${chrome.port}`);
  await browser.contexts()[0].addCookies(cookies);
  await browser.close();
}

/** A browser of its own with a port for Lighthouse. */
async function browser() {
  const executable = chromium();
  if (executable === null) throw new Error("there is no Chromium: set CHROMIUM to one");
  const profile = await mkdtemp(path.join(os.tmpdir(), "convene-lighthouse-"));
  const flags = [
    "--headless=new",
    "--no-sandbox",
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
  ];
  const child = spawn(executable, [...flags, "--remote-debugging-port=0", `--user-data-dir=${profile}`], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const gone = new Promise((then) => child.once("close", then));
  // Also where Lighthouse fails outside of what is waited for.
  process.once("exit", () => child.kill());
  let port;
  for await (const line of readline.createInterface({ input: child.stderr })) {
    port = /^DevTools listening on ws:\/\/[^:]+:(\d+)/.exec(line)?.[1];
    if (port) break;
  }
  if (!port) throw new Error("the browser did not start");
  child.stderr.resume();
  return {
    port: Number(port),
    async close() {
      child.kill();
      await gone;
      await rm(profile, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}
