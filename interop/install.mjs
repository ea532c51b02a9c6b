// Installs the packages of a lock file into the user's cache, once for each lock file, and prints
// the directory. A second call finds everything there and needs no network. Without a directory:
// those of this one, and those of the agents that have a lock file of their own in packages/.
//
//   node interop/install.mjs [DIRECTORY]

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const FILES = ["package.json", "package-lock.json"];

/** The user's cache directory of this product. */
export function cacheDirectory() {
  return path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), ".cache"), "convene");
}

/** Installs a folder's packages if need be and gives the directory that holds `node_modules`. */
export function install(folder = HERE) {
  const hash = createHash("sha256");
  const files = FILES.filter((name) => existsSync(path.join(folder, name)));
  for (const name of files) hash.update(readFileSync(path.join(folder, name)));
  hash.update(`${process.platform}-${process.arch}`);
  const parent = path.join(cacheDirectory(), "interop");
  const target = path.join(parent, hash.digest("hex").slice(0, 16));
  if (existsSync(target)) return target;

  // Installed beside the target and moved there when complete, so that a half installation is
  // never taken for a whole one, and two at once do not meet.
  mkdirSync(parent, { recursive: true });
  const draft = mkdtempSync(path.join(parent, "draft-"));
  try {
    for (const name of files) copyFileSync(path.join(folder, name), path.join(draft, name));
    // Some packages name others that no registry has; npm cannot lock these, and takes the version that is named.
    const how = files.length === FILES.length ? ["ci"] : ["install", "--no-package-lock"];
    const npm = spawnSync("npm", [...how, "--ignore-scripts", "--no-audit", "--no-fund"], {
      cwd: draft,
      stdio: ["ignore", 2, 2],
    });
    if (npm.error) throw npm.error;
    if (npm.status !== 0) throw new Error(`npm ci ended with ${npm.status ?? npm.signal}`);
    renameSync(draft, target);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (!existsSync(target)) throw error;
  }
  return target;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const packages = path.join(HERE, "packages");
  const wanted = process.argv[2] ? [path.resolve(process.argv[2])] : [HERE, ...readdirSync(packages).map((name) => path.join(packages, name))];
  for (const directory of wanted) console.log(install(directory));
}
