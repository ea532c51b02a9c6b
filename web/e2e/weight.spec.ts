/** What the page costs to open, as the server sends it: how much script, under which policy, and that nobody else is asked for anything. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium as playwright, type Browser, type Page } from "playwright-core";
import { guard } from "./support/guard.ts";
import { Stage, type Script } from "./support/stage.ts";
import { until } from "./support/until.ts";

/** Of script, compressed, before a person sees the page. */
const LIMIT_KB = 250;

/** A command and nothing that would have to be formatted. */
const works: Script = {
  turns: [{ steps: [{ tool_call: { id: "t1", title: "npm test", kind: "execute", status: "completed" } }] }],
};

let stage: Stage;
let browser: Browser;
let id: string;

before(async () => {
  // Whatever stands in front of the server would send other bytes and other headers.
  delete process.env.CONVENE_E2E_DIST;
  stage = await Stage.open({ works });
  id = await stage.server.create({ agent: "works", cwd: stage.home.directory("shop"), prompt: "Try it" });
  await stage.server.turn(id, 1);
  browser = await playwright.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
});
after(async () => {
  await browser.close();
  await stage.close();
});

const places: Record<string, () => string> = {
  "/": () => "/",
  "/s/ID": () => `/s/${id}`,
  "/new": () => "/new",
};

for (const [name, where] of Object.entries(places)) {
  test(`${name} takes at most ${LIMIT_KB} KB of script, all from its own server`, async (t) => {
    const { page, faults, close } = await visitor();
    const scripts: { path: string; bytes: Promise<number> }[] = [];
    page.on("requestfinished", (request) => {
      if (request.resourceType() !== "script") return;
      const bytes = request.sizes().then((sizes) => sizes.responseBodySize);
      scripts.push({ path: new URL(request.url()).pathname, bytes });
    });
    await page.goto(where());
    await page.getByRole("heading", { level: 1 }).first().waitFor({ state: "attached" });
    await page.getByText("Live", { exact: true }).first().waitFor({ state: "attached" });
    await page.waitForLoadState("networkidle");
    const sizes = await Promise.all(scripts.map(async (one) => ({ path: one.path, bytes: await one.bytes })));
    const sum = sizes.reduce((all, { bytes }) => all + bytes, 0) / 1000;
    const each = sizes.map(({ path, bytes }) => `${(bytes / 1000).toFixed(1)} ${path}`).join("\n");
    t.diagnostic(`${name}: ${sum.toFixed(1)} KB in ${sizes.length} scripts`);
    assert.ok(sizes.length > 0 && sizes.every(({ bytes }) => bytes > 0), `each was sent:\n${each}`);
    assert.ok(sum <= LIMIT_KB, `${sum.toFixed(1)} KB:\n${each}`);
    assert.deepEqual(faults, []);
    await close();
  });
}

test("scripts and styles come compressed, and are kept for ever", async () => {
  const { page, close } = await visitor();
  const assets: { path: string; headers: Record<string, string> }[] = [];
  page.on("response", (response) => {
    const { pathname } = new URL(response.url());
    if (/\.(js|css)$/.test(pathname) && pathname.startsWith("/assets/"))
      assets.push({ path: pathname, headers: response.headers() });
  });
  await page.goto("/");
  await until("there are scripts and styles", () => assets.some(({ path }) => path.endsWith(".css")));
  await page.waitForLoadState("networkidle");
  for (const { path, headers } of assets) {
    // What fits into a packet gains nothing.
    const small = Number(headers["content-length"] ?? Infinity) < 1024;
    if (!small) assert.match(headers["content-encoding"] ?? "", /^(br|gzip)$/, path);
    assert.match(headers["cache-control"] ?? "", /immutable/, path);
  }
  await close();
});

test("each shell has a policy with a nonce of its own, and it holds", async () => {
  const { page, faults, close } = await visitor();
  const nonces: string[] = [];
  for (const where of ["/", `/s/${id}`, "/settings"]) {
    const response = await page.goto(where);
    const policy = new Map(
      (response?.headers()["content-security-policy"] ?? "").split(";").map((line) => {
        const [directive = "", ...sources] = line.trim().split(" ");
        return [directive, sources.join(" ")] as const;
      }),
    );
    assert.equal(policy.get("default-src"), "'none'");
    assert.equal(policy.get("script-src"), "'self'");
    assert.equal(policy.get("connect-src"), "'self'");
    assert.equal(policy.get("base-uri"), "'none'");
    assert.equal(policy.get("frame-ancestors"), "'none'");
    const nonce = /'nonce-([0-9a-f]{32})'/.exec(policy.get("style-src-elem") ?? "")?.[1];
    assert.ok(nonce, `a nonce is in ${JSON.stringify([...policy])}`);
    nonces.push(nonce);
    assert.ok((await response?.text())?.includes(nonce), "the shell has the nonce of its answer");
  }
  assert.equal(new Set(nonces).size, nonces.length, "no nonce comes twice");
  const ran = await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "document.documentElement.dataset.ran = 'yes'";
    const refused = new Promise<string>((then) =>
      document.addEventListener("securitypolicyviolation", (event) => then(event.violatedDirective)),
    );
    document.head.append(script);
    return refused.then((directive) => [directive, document.documentElement.dataset.ran]);
  });
  assert.deepEqual(ran, ["script-src-elem", undefined], "a script within the page does not run");
  assert.deepEqual(
    faults.filter((fault) => !fault.includes("script-src")),
    [],
  );
  await close();
});

type Visitor = {
  readonly page: Page;
  readonly faults: readonly string[];
  readonly close: () => Promise<void>;
};

/** Somebody who is signed in and has nothing of the page yet: no cache, and no service worker to answer for the server. */
async function visitor(): Promise<Visitor> {
  const { url } = stage.server;
  const signing = await stage.browser();
  const cookies = await signing.cookies();
  await signing.close();
  const context = await browser.newContext({ baseURL: url, serviceWorkers: "block" });
  await context.addCookies(cookies);
  const { faults } = guard(context, url, "nothing");
  const page = await context.newPage();
  return { page, faults, close: () => context.close() };
}
