// Where Chromium is. Debian's package is installed if there is none and this user may.
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import path from "node:path";

/** The path of a browser; `null` if there is none and none could be installed. */
export function chromium() {
  const found = process.env.CHROMIUM ?? onPath();
  if (found || process.getuid?.() !== 0) return found ?? null;
  const apt = (...args) =>
    spawnSync("apt-get", args, { stdio: ["ignore", "ignore", "inherit"] }).status === 0;
  const install = () => apt("install", "-y", "--no-install-recommends", "chromium", "fonts-dejavu-core");
  if (!install()) apt("update") && install();
  return onPath() ?? null;
}

function onPath() {
  const names = ["chromium", "chromium-browser", "google-chrome"];
  const places = (process.env.PATH ?? "").split(path.delimiter);
  return names.flatMap((name) => places.map((place) => path.join(place, name))).find(runs);
}

function runs(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
