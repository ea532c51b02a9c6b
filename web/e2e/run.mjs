// Runs the browser tests: node e2e/run.mjs [FILE…]. They need the built binary (CONVENE_BIN, or what cargo built last), the packages of
// package.json, and Chromium; the last two are installed if they are missing.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
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
const notes = mkdtempSync(path.join(tmpdir(), "convene-e2e-run-"));

/** Runs these files; the ones that failed. */
function failing(tried) {
  const note = path.join(notes, "failed");
  const run = spawnSync(
    node,
    [
      "--disable-warning=ExperimentalWarning",
      "--test",
      "--test-concurrency=1",
      // Of a file's tests each; what waits for something says so itself long before.
      `--test-timeout=${5 * 60_000}`,
      "--test-reporter=spec",
      "--test-reporter-destination=stdout",
      `--test-reporter=${path.join(here, "support/failed.mjs")}`,
      `--test-reporter-destination=${note}`,
      ...tried,
    ],
    { cwd: web, stdio: "inherit", env: { ...process.env, CHROMIUM: browser } },
  );
  if (run.status === 0) return [];
  const failed = new Set(readFileSync(note, "utf8").split("\n"));
  const known = tried.filter((file) => failed.has(file));
  return known.length > 0 ? known : tried;
}

let failed = failing(files);
if (failed.length > 0 && process.env.CI) {
  // A browser on a crowded machine: once more, and never silently.
  const names = failed.map((file) => path.basename(file)).join(", ");
  console.error(`\nFailed, and tried once more: ${names}`);
  failed = failing(failed);
  if (failed.length === 0) console.error(`\nPassed at the second try only, look at what failed: ${names}`);
}
rmSync(notes, { recursive: true, force: true });
process.exit(failed.length > 0 ? 1 : 0);
