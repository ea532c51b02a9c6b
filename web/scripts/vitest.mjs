// vitest needs a newer Node than the build does: it runs on the one in devDependencies.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const web = fileURLToPath(new URL("..", import.meta.url));
const run = spawnSync(
  `${web}node_modules/node/bin/node`,
  [`${web}node_modules/vitest/vitest.mjs`, ...process.argv.slice(2)],
  {
    cwd: web,
    stdio: "inherit",
  },
);
process.exit(run.status ?? 1);
