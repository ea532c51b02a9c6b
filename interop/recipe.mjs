// Prepares a real agent for the fake model: installs it, writes its files into a home of its own,
// and prints how to start it.
//
//   node interop/recipe.mjs codex --model-url http://127.0.0.1:PORT --home DIR [--toml]
//
// As JSON: {"command": [...], "env": {...}}. With --toml: the table [agents.codex] for Convene's
// config.toml, so that `convene run -a codex` starts exactly this.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { install } from "./install.mjs";
import { installPython } from "./install-python.mjs";

const HERE = path.dirname(fileURLToPath(import.meta.url));

/** A Node of at least that version: the one that runs this, or one from npm. */
function node(version) {
  if (Number(process.versions.node.split(".")[0]) >= version) return process.execPath;
  const package_ = `node-${process.platform}-${process.arch}`;
  const file = path.join(install(path.join(HERE, "packages", "node24")), "node_modules", package_, "bin", "node");
  return existsSync(file) ? file : undefined;
}

/** Why an agent cannot be tried on this machine, if it cannot. */
export function missing(agent) {
  const recipe = JSON.parse(readFileSync(path.join(HERE, "agents", `${agent}.json`), "utf8"));
  if (recipe.node && !node(recipe.node)) return `${agent} needs Node ${recipe.node}, and npm has none for this machine`;
  if (recipe.python && !installPython(recipe.python)) return `${agent} needs Python 3.12, and there is none`;
  return undefined;
}

/** Writes the agent's files below `home` and gives its command and environment. */
export function prepare(agent, { modelUrl, home }) {
  const recipe = JSON.parse(readFileSync(path.join(HERE, "agents", `${agent}.json`), "utf8"));
  const own = path.join(HERE, "packages", agent);
  const values = {
    NODE: process.execPath,
    HOME: path.resolve(home),
    MODEL_URL: modelUrl,
  };
  if (recipe.node) values.NODE24 = node(recipe.node);
  if (recipe.python) values.VENV = installPython(recipe.python);
  else values.AGENTS = install(existsSync(own) ? own : HERE);
  const fill = (text) =>
    text.replace(/\$\{(\w+)\}/g, (_, name) => {
      if (!(name in values)) throw new Error(`recipe of ${agent}: nothing is called ${name}`);
      return values[name];
    });
  for (const [target, template] of Object.entries(recipe.files ?? {})) {
    const file = fill(target);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, fill(readFileSync(path.join(HERE, template), "utf8")));
  }
  const env = Object.entries(recipe.env ?? {}).map(([name, value]) => [name, fill(value)]);
  return { command: recipe.command.map(fill), env: Object.fromEntries(env) };
}

export function toToml(agent, { command, env }) {
  // JSON strings are TOML basic strings.
  const pairs = Object.entries(env).map(([name, value]) => `${name} = ${JSON.stringify(value)}`);
  return `[agents.${agent}]\ncommand = ${JSON.stringify(command)}\nenv = { ${pairs.join(", ")} }`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      "model-url": { type: "string" },
      home: { type: "string" },
      toml: { type: "boolean", default: false },
    },
  });
  const [agent] = positionals;
  if (!agent || !values["model-url"] || !values.home) {
    console.error("usage: recipe.mjs AGENT --model-url URL --home DIR [--toml]");
    process.exit(2);
  }
  const prepared = prepare(agent, { modelUrl: values["model-url"], home: values.home });
  console.log(values.toml ? toToml(agent, prepared) : JSON.stringify(prepared, null, 2));
}
