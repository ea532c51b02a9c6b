/** A server with scripted agents and a browser to look at it, for one test. Nothing of the machine's user gets into either. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { chromium as playwright, type Browser, type BrowserContext, type Page } from "playwright-core";
// The same server that the tests with real agents use.
import { binary, Convene, Home } from "../../../interop/convene.mjs";
import { freshPage, type FreshPage } from "./fresh-page.ts";
import { guard, type Expects, type Guard } from "./guard.ts";

/** How long anything may take to be seen, on a crowded machine. */
const PATIENCE_MS = 15_000;

export type Script = Record<string, unknown>;

export type Look = {
  readonly width?: number;
  readonly height?: number;
  readonly theme?: "light" | "dark";
  readonly expects?: Expects;
};

export class Stage {
  readonly home: InstanceType<typeof Home>;
  readonly server: InstanceType<typeof Convene>;
  #browser: Browser | null = null;
  #fresh: FreshPage | null = null;
  readonly #guards = new Map<BrowserContext, Guard>();

  private constructor(scripts: Readonly<Record<string, Script>>, more: string) {
    this.home = new Home();
    const agents = Object.entries(scripts).map(([name, script]) => {
      const file = path.join(this.home.root, `${name}.json`);
      writeFileSync(file, JSON.stringify(script));
      return `[agents.${name}]\ncommand = ["${binary()}", "agent", "builtin", "--script", "${file}"]\n`;
    });
    this.server = new Convene(this.home, `${more}\n${agents.join("\n")}`);
  }

  /** Agents by name, each with the script that it plays; `more` is further text of config.toml. */
  static async open(scripts: Readonly<Record<string, Script>> = {}, more = ""): Promise<Stage> {
    const stage = new Stage(scripts, more);
    await stage.server.start();
    const dist = process.env.CONVENE_E2E_DIST;
    if (dist) stage.#fresh = await freshPage(dist, () => stage.server.url);
    return stage;
  }

  /** The command that is tried. */
  readonly binary: string = binary();

  /** Where the page is. */
  get url(): string {
    return this.#fresh?.url ?? this.server.url;
  }

  /** A browser of somebody's own, signed in by a link. */
  async browser(look: Look = {}): Promise<BrowserContext> {
    this.#browser ??= await playwright.launch({
      executablePath: process.env.CHROMIUM,
      args: ["--no-sandbox"],
    });
    const { width = 1280, height = 800, theme = "light" } = look;
    const phone = width < 600;
    const context = await this.#browser.newContext({
      viewport: { width, height },
      colorScheme: theme,
      hasTouch: phone,
      isMobile: phone,
      baseURL: this.url,
    });
    this.#guards.set(context, guard(context, this.url, look.expects ?? "nothing"));
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    const { path: link } = await this.server.must("POST", "/v1/login/links");
    await page.goto(link);
    await isLive(page);
    await page.close();
    return context;
  }

  /** A tab of a new browser, at `where`. */
  async tab(where = "/", look: Look = {}): Promise<Page> {
    return open(await this.browser(look), where);
  }

  /** What was watched of the browser that a tab is in. */
  guardOf(page: Page): Guard {
    const watching = this.#guards.get(page.context());
    if (watching === undefined) throw new Error("that browser is not of this stage");
    return watching;
  }

  /** Closes what tests before have opened: nobody looks at it any more, and it keeps the machine busy. Its faults still count. */
  async clear(): Promise<void> {
    await Promise.all((this.#browser?.contexts() ?? []).map((context) => context.close()));
  }

  /** Ends everything, and fails if a page did what none may do or a process is left. */
  async close(): Promise<void> {
    await this.#browser?.close();
    this.#fresh?.close();
    const left = await this.server.end();
    this.home.remove();
    const faults = [...this.#guards.values()].flatMap((one) => one.faults);
    if (faults.length > 0) throw new Error(`pages did what none may do:\n${faults.join("\n")}`);
    if (left.length > 0) throw new Error(`processes are left: ${JSON.stringify(left)}`);
  }
}

/** A tab at `where`, when it is live. */
export async function open(context: BrowserContext, where: string): Promise<Page> {
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  await page.goto(where);
  await isLive(page);
  return page;
}

/** When the page has heard all that there was to hear, over whatever way: the word "Live" it says before. */
async function isLive(page: Page): Promise<void> {
  await page.locator("[data-link=live]").first().waitFor({ state: "attached" });
}
