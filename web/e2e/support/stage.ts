/** A server with scripted agents and a browser to look at it, for one test. Nothing of the machine's user gets into either. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { chromium as playwright, type Browser, type BrowserContext, type Page } from "playwright-core";
// The same server that the tests with real agents use.
import { Convene, Home } from "../../../interop/convene.mjs";
import { guard, type Guard } from "./guard.ts";

export type Script = Record<string, unknown>;

export type Look = { readonly width?: number; readonly height?: number; readonly theme?: "light" | "dark"; readonly server_dies?: boolean };

export class Stage {
  readonly home: InstanceType<typeof Home>;
  readonly server: InstanceType<typeof Convene>;
  #browser: Browser | null = null;
  readonly #guards: Guard[] = [];

  private constructor(scripts: Readonly<Record<string, Script>>, more: string) {
    this.home = new Home();
    const agents = Object.entries(scripts).map(([name, script]) => {
      const file = path.join(this.home.root, `${name}.json`);
      writeFileSync(file, JSON.stringify(script));
      return `[agents.${name}]\ncommand = ["${process.env.CONVENE_BIN ?? bin()}", "agent", "builtin", "--script", "${file}"]\n`;
    });
    this.server = new Convene(this.home, `${more}\n${agents.join("\n")}`);
  }

  /** Agents by name, each with the script that it plays; `more` is further text of config.toml. */
  static async open(scripts: Readonly<Record<string, Script>> = {}, more = ""): Promise<Stage> {
    const stage = new Stage(scripts, more);
    await stage.server.start();
    return stage;
  }

  /** A browser of somebody's own, signed in by a link. */
  async browser(look: Look = {}): Promise<BrowserContext> {
    this.#browser ??= await playwright.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
    const { width = 1280, height = 800, theme = "light" } = look;
    const phone = width < 600;
    const context = await this.#browser.newContext({
      viewport: { width, height },
      colorScheme: theme,
      hasTouch: phone,
      isMobile: phone,
      baseURL: this.server.url,
    });
    const watching = guard(context, this.server.url, look.server_dies === true);
    this.#guards.push(watching);
    const page = await context.newPage();
    const { path: link } = await this.server.must("POST", "/v1/login/links");
    await page.goto(link);
    await page.getByText("Live", { exact: true }).first().waitFor({ state: "attached" });
    await page.close();
    return context;
  }

  /** A tab of a new browser, at `where`. */
  async tab(where = "/", look: Look = {}): Promise<Page> {
    return open(await this.browser(look), where);
  }

  /** Ends everything, and fails if a page did what none may do or a process is left. */
  async close(): Promise<void> {
    await this.#browser?.close();
    const left = await this.server.end();
    this.home.remove();
    const faults = this.#guards.flatMap((one) => one.faults);
    if (faults.length > 0) throw new Error(`pages did what none may do:\n${faults.join("\n")}`);
    if (left.length > 0) throw new Error(`processes are left: ${JSON.stringify(left)}`);
  }
}

/** A tab at `where`, when it is live. */
export async function open(context: BrowserContext, where: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(where);
  await page.getByText("Live", { exact: true }).first().waitFor({ state: "attached" });
  return page;
}

function bin(): string {
  const target = process.env.CARGO_TARGET_DIR ?? path.join(import.meta.dirname, "../../../target");
  return path.join(path.resolve(target), "debug", "convene");
}
