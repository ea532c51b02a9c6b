// Generates src/api/gen from openapi.json. `--check` only tells whether it is stale.
// The generator needs a newer Node than the build does, so it runs on the one in devDependencies.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const web = fileURLToPath(new URL("..", import.meta.url));
const kept = join(web, "src/api/gen");
const check = process.argv.includes("--check");
const out = check ? mkdtempSync(join(tmpdir(), "convene-gen-")) : kept;

const node = join(web, "node_modules/node/bin/node");
const generator = join(web, "node_modules/@hey-api/openapi-ts/bin/run.js");
const made = spawnSync(node, [generator, "--file", join(web, "openapi-ts.config.ts"), "--output", out], {
  cwd: web,
  stdio: ["ignore", "ignore", "inherit"],
});
if (made.status !== 0) process.exit(made.status ?? 1);

if (check) {
  const files = (dir) =>
    readdirSync(dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(dir.length))
      .sort();
  const stale =
    files(out).join() !== files(kept).join() ||
    files(out).some((file) => readFileSync(out + file, "utf8") !== readFileSync(kept + file, "utf8"));
  rmSync(out, { recursive: true });
  if (stale) {
    console.error("web/src/api/gen is stale; run `npm run gen` in web/");
    process.exit(1);
  }
}
