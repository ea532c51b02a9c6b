// Installs an agent from PyPI into a virtual environment in the user's cache, once for each
// requirement, and gives its directory; nothing where there is no Python that takes it.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

import { cacheDirectory } from "./install.mjs";

const PYTHONS = ["python3.12", "python3.13", "python3.14", "python3"];

function works(python) {
  const script = "import sys; sys.exit(0 if sys.version_info >= (3, 12) else 1)";
  return spawnSync(python, ["-c", script], { stdio: "ignore" }).status === 0;
}

/** The directory of the environment, or undefined. CONVENE_PYTHON names a Python that is not on the PATH. */
export function installPython(requirement) {
  const name = createHash("sha256").update(requirement).digest("hex").slice(0, 16);
  const target = path.join(cacheDirectory(), "interop", `python-${name}`);
  // An environment cannot be moved, so a file says that it is complete.
  const complete = path.join(target, "complete");
  if (existsSync(complete)) return target;
  const python = [process.env.CONVENE_PYTHON, ...PYTHONS].filter(Boolean).find(works);
  if (!python) return undefined;
  rmSync(target, { recursive: true, force: true });
  mkdirSync(path.dirname(target), { recursive: true });
  const run = (program, args) => {
    const { status } = spawnSync(program, args, { stdio: ["ignore", 2, 2] });
    if (status !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${status}`);
  };
  run(python, ["-m", "venv", target]);
  run(path.join(target, "bin", "pip"), ["install", "--quiet", "--disable-pip-version-check", requirement]);
  writeFileSync(complete, "");
  return target;
}
