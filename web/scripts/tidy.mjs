// Checks what the linter cannot: sizes, first sentences, names, colors, words in attributes, and the arrows between rooms.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const web = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const LINES = 400;

/** What each room may import; a room marked with "type " only by `import type`. */
const ROOMS = {
  lib: [],
  i18n: ["lib"],
  ui: ["lib"],
  api: ["lib"],
  store: ["lib", "type api"],
  sync: ["lib", "store", "api", "commands"],
  commands: ["lib", "store", "api", "sync"],
  bind: ["lib", "i18n", "store", "sync", "commands", "api", "ui"],
  parts: ["lib", "i18n", "ui", "bind", "type api", "type store"],
  features: [
    "lib",
    "i18n",
    "ui",
    "parts",
    "bind",
    "commands",
    "store",
    "type sync",
    "type api",
    "api/problem",
  ],
};

const problems = [];
const files = ["src", "test", "e2e", "scripts"].flatMap((room) => walk(room));

for (const file of files) {
  const text = readFileSync(path.join(web, file), "utf8");
  checkSize(file, text);
  checkName(file);
  checkHead(file, text);
  checkTalk(file, text);
  if (file.startsWith("src/") && !isTest(file)) {
    checkColors(file, text);
    checkArrows(file, text);
    if (file.endsWith(".tsx")) checkAttributes(file, text);
  }
}

checkWords();
checkSmallThings();

for (const problem of problems.sort()) console.error(problem);
if (problems.length > 0) {
  console.error(`tidy: ${problems.length} to mend`);
  process.exit(1);
}

function walk(folder) {
  return readdirSync(path.join(web, folder), { withFileTypes: true }).flatMap((entry) => {
    const at = `${folder}/${entry.name}`;
    if (at === "src/api/gen" || at === "test/golden") return [];
    if (entry.isDirectory()) return walk(at);
    return /\.(tsx?|mjs|css)$/.test(entry.name) ? [at] : [];
  });
}

function isTest(file) {
  return /\.test\.tsx?$/.test(file);
}

function checkSize(file, text) {
  const lines = text.split("\n").length - 1;
  if (lines > LINES) problems.push(`${file}: ${lines} lines; ${LINES} is the limit`);
}

function checkName(file) {
  const name = path.basename(file).replace(/\.(test|spec|worker)?\.?(d\.)?(tsx?|mjs|css)$/, "");
  if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)?$/.test(name)) problems.push(`${file}: names are kebab-case`);
}

/** A test says by its own words what it is for. */
function checkHead(file, text) {
  if (isTest(file)) return;
  const head = /^(?:#!.*\n)?(?:\/\/ (.*(?:\n\/\/ .*)*)|\/\*\*?\s+(?:\* )?([\s\S]*?)\*\/)/.exec(text);
  if (head === null || !/[.:?)]$/.test((head[1] ?? head[2] ?? "").trim())) {
    problems.push(`${file}: begins with a sentence that says what it is for`);
  }
}

function checkTalk(file, text) {
  const line = text
    .split("\n")
    .findIndex((one) => /(eslint|oxlint)-disable|@ts-(ignore|expect-error|nocheck)/.test(one));
  if (line >= 0 && file !== "scripts/tidy.mjs")
    problems.push(`${file}:${line + 1}: no check is switched off in place`);
}

function checkColors(file, text) {
  if (file === "src/styles/tokens.css") return;
  for (const [index, line] of text.split("\n").entries()) {
    if (/^\s*(\/\/|\*|\/\*)/.test(line)) continue;
    if (
      /["'`\s:[(]#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})\b(?!-)/i.test(line) ||
      /\b(rgba?|hsla?|oklch)\(/.test(line)
    ) {
      problems.push(`${file}:${index + 1}: colors are named in src/styles/tokens.css`);
    }
  }
}

function checkAttributes(file, text) {
  for (const match of text.matchAll(
    /\s(aria-label|aria-description|title|placeholder|alt|label|hint|note)="([^"]*\p{L}[^"]*)"/gu,
  )) {
    const line = text.slice(0, match.index).split("\n").length;
    problems.push(`${file}:${line}: words are in src/i18n/en (${match[1]}="${match[2]}")`);
  }
}

function checkArrows(file, text) {
  const [, room = "", area = ""] = file.split("/");
  const allowed = ROOMS[room];
  if (allowed === undefined) return;
  for (const { target, typed } of imports(file, text)) {
    const [, there = "", place = ""] = target.split("/");
    if (there === room) {
      if (room === "features" && area !== place) {
        problems.push(`${file}: a feature imports no other (${target})`);
      }
      continue;
    }
    const may =
      allowed.includes(there) ||
      allowed.includes(`${there}/${place.replace(/\.ts$/, "")}`) ||
      (typed && allowed.includes(`type ${there}`));
    if (!may) problems.push(`${file}: ${room} does not import ${typed ? "types of " : ""}${target}`);
  }
}

/** Each word is said somewhere: by its whole key, or by a key that is put together from a beginning. */
function checkWords() {
  const code = files
    .filter((file) => /^src\/.*\.tsx?$/.test(file) && !file.startsWith("src/i18n/en/") && !isTest(file))
    .map((file) => readFileSync(path.join(web, file), "utf8"))
    .join("\n");
  const beginnings = [...code.matchAll(/`([a-z_]+(?:\.[a-z_]+)*\.)\$\{/g)].map((match) => match[1]);
  const areas = /export const en = \{([^}]*)\}/.exec(
    readFileSync(path.join(web, "src/i18n/en/index.ts"), "utf8"),
  )?.[1];
  for (const entry of (areas ?? "")
    .split(",")
    .map((one) => one.trim())
    .filter(Boolean)) {
    const [area, name = area] = entry.split(/:\s*/);
    const file = `src/i18n/en/${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}.ts`;
    for (const key of keysOf(readTable(file), area)) {
      const said = code.includes(`"${key}"`) || beginnings.some((beginning) => key.startsWith(beginning));
      if (!said) problems.push(`${file}: nobody says ${key}`);
    }
  }
}

/** Each of the forty small things that docs/dashboard.md promises has a test that names it. */
function checkSmallThings() {
  const titles = files
    .filter((file) => /\.(test|spec)\.tsx?$/.test(file))
    .flatMap((file) => [
      ...readFileSync(path.join(web, file), "utf8").matchAll(/["'`]small things? ([\d, ]+):/g),
    ]);
  const named = new Set(titles.flatMap(([, numbers]) => numbers.split(",").map(Number)));
  for (let n = 1; n <= 40; n += 1)
    if (!named.has(n)) problems.push(`no test names small thing ${n} (docs/dashboard.md)`);
}

/** A table is plain data with a name and `as const`: without these it can be evaluated. */
function readTable(file) {
  const text = readFileSync(path.join(web, file), "utf8");
  return new Function(text.replace(/export const \w+ =/, "return").replace(/ as const;/, ";"))();
}

function keysOf(table, prefix) {
  return Object.entries(table).flatMap(([name, value]) =>
    typeof value === "string" || ("other" in value && "one" in value)
      ? [`${prefix}.${name}`]
      : keysOf(value, `${prefix}.${name}`),
  );
}

/** The imports that lead to files of ours, from `src` on. */
function imports(file, text) {
  const found = [];
  const pattern =
    /(?:^|\n)\s*(?:import|export)\s+(type\s)?([^"';]*?from\s*)?["']([^"']+)["']|import\(\s*["']([^"']+)["']/g;
  for (const [, type, names, from, lazily] of text.matchAll(pattern)) {
    const where = from ?? lazily ?? "";
    const target = where.startsWith("@/")
      ? `src/${where.slice(2)}`
      : where.startsWith(".")
        ? path.posix.join(path.posix.dirname(file), where)
        : null;
    if (target === null || target.split("/").length < 2) continue;
    found.push({ target, typed: type !== undefined || onlyTypes(names ?? "") });
  }
  return found;
}

function onlyTypes(names) {
  const inner = /\{([^}]*)\}/.exec(names)?.[1];
  if (inner === undefined) return false;
  const each = inner
    .split(",")
    .map((name) => name.trim())
    .filter(Boolean);
  return each.length > 0 && each.every((name) => name.startsWith("type "));
}
