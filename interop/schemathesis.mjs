// Fuzzes a server of its own by its description: `schemathesis` from PyPI, all checks, all phases.
//
//   node interop/schemathesis.mjs [--convene FILE] [--agent FILE] [--examples N] [--seeds 1,2,3] [--phases LIST]
//
// Without Python 3.10 or later with `venv`, or without a way to PyPI, it says so and is over: nothing was tested then.

import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { cacheDirectory } from "./install.mjs";
import { startServer } from "./server.mjs";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const VERSION = "4.32.5";

/** The program, installed if need be; `null` and a reason if that cannot be. */
function program() {
  const python = spawnSync("python3", ["-c", "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))"]);
  if (python.error || python.status !== 0) return { reason: "no Python 3.10 or later with venv" };
  const target = path.join(cacheDirectory(), "schemathesis", VERSION);
  const installed = path.join(target, "bin", "schemathesis");
  if (!existsSync(path.join(target, "whole"))) {
    // A virtual environment holds its own path, so it is made in place and marked when it is whole.
    rmSync(target, { recursive: true, force: true });
    mkdirSync(path.dirname(target), { recursive: true });
    const pip = path.join(target, "bin", "pip");
    const steps = [
      ["python3", ["-m", "venv", target]],
      [pip, ["install", "--quiet", "--disable-pip-version-check", `schemathesis==${VERSION}`]],
    ];
    for (const [command, args] of steps) {
      const step = spawnSync(command, args, { stdio: ["ignore", 2, 2] });
      if (step.status !== 0) return { reason: `cannot install schemathesis ${VERSION} from PyPI` };
    }
    writeFileSync(path.join(target, "whole"), "");
  }
  return { installed };
}

/** One run against a server of its own; says whether nothing was found. */
async function fuzz(installed, options, seed) {
  const server = await startServer(options);
  try {
    const args = ["--config-file", path.join(HERE, "schemathesis", "schemathesis.toml"), "run"];
    args.push(`${server.url}/openapi.json`, "--checks", "all", "--phases", options.phases);
    args.push("--header", `Authorization: Bearer ${server.token}`, "--seed", seed, "--no-color");
    args.push("--max-examples", options.examples, "--request-timeout", "10", "--generation-database", "none");
    const env = { ...process.env, SCHEMATHESIS_HOOKS: "hooks", PYTHONPATH: path.join(HERE, "schemathesis") };
    env.CONVENE_FUZZ_DIRECTORY = server.work;
    const started = Date.now();
    const run = spawn(installed, args, { env, cwd: server.home, stdio: ["ignore", "pipe", "inherit"] });
    let said = "";
    run.stdout.on("data", (bytes) => (said += bytes));
    const status = await new Promise((resolve) => run.on("close", resolve));
    const summary = said.slice(Math.max(0, said.indexOf("= SUMMARY =")));
    console.log(status === 0 ? summary : said);
    console.log(`seed ${seed}: ${status === 0 ? "no finding" : "FINDINGS"} in ${Math.round((Date.now() - started) / 1000)} s`);
    return status === 0;
  } finally {
    await server.stop();
  }
}

const { values } = parseArgs({
  options: {
    convene: { type: "string" },
    agent: { type: "string" },
    examples: { type: "string", default: "30" },
    seeds: { type: "string", default: "1" },
    phases: { type: "string", default: "examples,coverage,fuzzing,stateful" },
  },
});
const { installed, reason } = program();
if (!installed) {
  console.log(`skipped: ${reason}`);
} else {
  let isGood = true;
  for (const seed of values.seeds.split(",")) isGood = (await fuzz(installed, values, seed)) && isGood;
  process.exitCode = isGood ? 0 : 1;
}
