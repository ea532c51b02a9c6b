// Runs the browser tests: node e2e/run.mjs [FILE…]. They need the built binary (CONVENE_BIN, or what cargo built last), the packages of
// package.json, and Chromium; the last two are installed if they are missing.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "./support/chromium.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const web = path.dirname(here);
const node = path.join(web, "node_modules/node/bin/node");

if (!existsSync(node)) {
  const npm = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: web, stdio: "inherit" });
  if (npm.status !== 0) process.exit(npm.status ?? 1);
}
const browser = chromium();
if (browser === null) {
  console.error(
    "The browser tests need Chromium: install Debian's package chromium, or set CHROMIUM to a binary.",
  );
  process.exit(1);
}
const given = process.argv.slice(2);
const all = readdirSync(here).filter((name) => name.endsWith(".spec.ts"));
const files = (given.length > 0 ? given : all).map((name) => path.resolve(here, path.basename(name)));
const run = spawnSync(
  node,
  [
    "--disable-warning=ExperimentalWarning",
    "--test",
    "--test-concurrency=1",
    // Of a file's tests each; what waits for something says so itself long before.
    `--test-timeout=${5 * 60_000}`,
    "--test-reporter=spec",
    ...files,
  ],
  { cwd: web, stdio: "inherit", env: { ...process.env, CHROMIUM: browser } },
);
process.exit(run.status ?? 1);
