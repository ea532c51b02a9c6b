// Tries a real agent through Convene on `convene mock-llm`, and prints what the session's log has.
//
//   node interop/try.mjs NAME ["PROMPT" ...]
//
// NAME is one of interop/agents. Permission requests are allowed once.

import { mkdirSync } from "node:fs";
import path from "node:path";

import { Convene, Home } from "./convene.mjs";
import { startMockModel } from "./mock-model.mjs";
import { missing, prepare, toToml } from "./recipe.mjs";

const [name, ...prompts] = process.argv.slice(2);
if (!name) {
  console.error("usage: try.mjs NAME [PROMPT...]");
  process.exit(2);
}
const why = missing(name);
if (why) {
  console.log(`skipped: ${why}`);
  process.exit(0);
}
if (prompts.length === 0) prompts.push("hello", "TOOL: echo from-the-shell", "RECALL");
const model = await startMockModel({ tick: 50 });
const home = new Home();
const of = path.join(home.root, "agent");
mkdirSync(of);
const convene = new Convene(home, toToml(name, prepare(name, { modelUrl: model.url, home: of })));
try {
  await convene.start();
  const id = await convene.create({ agent: name, cwd: home.work });
  for (const [at, prompt] of prompts.entries()) {
    await convene.prompt(id, prompt);
    for (;;) {
      const over = (view) => (view.last_turn?.number ?? 0) > at || view.state === "stopped";
      const view = await convene.until(id, prompt, (v) => v.pending_permissions.length > 0 || over(v));
      if (over(view)) break;
      const route = `/v1/sessions/${id}/permissions/${view.pending_permissions[0].request}`;
      await convene.api("POST", route, { decision: "allow_once" });
    }
  }
  for (const event of await convene.events(id)) console.log(JSON.stringify(event));
  console.error("refused by the model server:", await model.refused());
} finally {
  console.error("left:", await convene.end());
  await model.close();
  home.remove();
}
