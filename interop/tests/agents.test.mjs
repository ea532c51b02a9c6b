// Real agents through Convene, on `convene mock-llm`: by the command line and by the API. One test
// for each agent; what an agent is known to do otherwise is said in AGENTS.
//
//   CONVENE_INTEROP=codex,gemini node --test interop/tests/agents.test.mjs

import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import test from "node:test";

import { Convene, Home } from "../convene.mjs";
import { startMockModel } from "../mock-model.mjs";
import { missing, prepare, toToml } from "../recipe.mjs";

/** How the shell is asked for, and which settings are tried. */
const AGENTS = {
  codex: { shell: "ASK", mode: "read-only", env: {} },
  claude: { shell: "TOOL:", mode: "plan" },
  // It may not know its own session any more after its end; then a new one begins, and the log says so.
  gemini: { shell: "TOOL:", mode: "plan", forgets: true },
  opencode: { shell: "TOOL:", mode: "plan" },
  vibe: { shell: "TOOL:", mode: "ask" },
  // In its own default mode a classifier decides and nobody is asked.
  qwen: { shell: "TOOL:", mode: "plan", begin: "default" },
  kimi: { shell: "TOOL:", mode: "plan" },
};

const wanted = (process.env.CONVENE_INTEROP ?? "codex,claude,opencode,gemini").split(",");

/** What is open is answered so; gives the end of the turn. */
async function answer(convene, id, number, decision) {
  const asks = (view) => view.pending_permissions.length > 0 || (view.last_turn?.number ?? 0) >= number;
  const view = await convene.until(id, `turn ${number} asks`, asks);
  const [open] = view.pending_permissions;
  assert.ok(open, `turn ${number} asked for nothing and ended: ${JSON.stringify(view.last_turn)}`);
  assert.ok(open.tool_call.title, "whoever is asked must know for what");
  await convene.must("POST", `/v1/sessions/${id}/permissions/${open.request}`, { decision });
  return convene.turn(id, number);
}

for (const name of wanted) {
  const { shell, mode, begin, forgets = false } = AGENTS[name];
  test(`${name} through Convene`, { timeout: 240_000 }, async (t) => {
    const why = missing(name);
    if (why) return t.skip(why);
    const model = await startMockModel({ tick: 50 });
    const home = new Home();
    const of = path.join(home.root, "agent");
    mkdirSync(of);
    const convene = new Convene(home, toToml(name, prepare(name, { modelUrl: model.url, home: of })));
    try {
      await convene.start();
      const work = home.directory("work");

      await t.test("answers the command line", async () => {
        const ran = await convene.run(["run", "-a", name, "-C", work, "hello there"]);
        assert.equal(ran.code, 0, ran.stderr);
        assert.match(ran.stdout, /you said.*hello there/s);
      });

      const id = await convene.create({ agent: name, cwd: work, prompt: "remember the blue door", mode: begin });
      await t.test("answers the API and tells its settings", async () => {
        const { text, end, view } = await convene.turn(id, 1);
        assert.equal(end?.stop_reason, "end_turn", JSON.stringify(view.failure));
        assert.match(text, /you said.*blue door/s);
        assert.ok(view.config_options.some((option) => option.category === "mode"), "it has modes");
      });

      await t.test("runs what is allowed", async () => {
        await convene.prompt(id, `${shell} echo from-the-shell > allowed.txt; cat allowed.txt`);
        const { text, end, events } = await answer(convene, id, 2, "allow_once");
        assert.equal(end.stop_reason, "end_turn");
        assert.match(text, /from-the-shell/);
        assert.ok(existsSync(path.join(work, "allowed.txt")));
        const done = events.find((e) => e.type === "tool_call_updated" && e.tool_call.status === "completed");
        assert.ok(done, "the call is told to its end");
        const shown = await convene.run(["show", id, "--tool", done.tool_call.id]);
        assert.match(shown.stdout, /from-the-shell/, "what it printed is its output");
      });

      await t.test("does not run what is rejected", async () => {
        await convene.prompt(id, `${shell} touch rejected.txt`);
        await answer(convene, id, 3, "reject_once");
        assert.equal(existsSync(path.join(work, "rejected.txt")), false);
      });

      await t.test("yields at once to a cancel with an open question", async () => {
        await convene.prompt(id, `${shell} touch cancelled.txt`);
        await convene.until(id, "it asks", (view) => view.pending_permissions.length > 0);
        const since = Date.now();
        await convene.must("POST", `/v1/sessions/${id}/cancel`, {});
        const { end } = await convene.turn(id, 4, 10_000);
        assert.equal(end.stop_reason, "cancelled");
        assert.ok(Date.now() - since < 5_000, `it took ${Date.now() - since} ms`);
        assert.equal(existsSync(path.join(work, "cancelled.txt")), false);
      });

      await t.test("goes on while the server is away, and knows what was said", async () => {
        await convene.prompt(id, "SLOW 200");
        const says = (what) => (view) => view.turn?.number === 5 && view.last_line?.text.includes(what);
        await convene.until(id, "it streams", says("tick3"));
        await convene.kill();
        await convene.start();
        await convene.until(id, "it streams on", says("tick20"));
        await convene.must("POST", `/v1/sessions/${id}/cancel`, {});
        assert.equal((await convene.turn(id, 5, 15_000)).end.stop_reason, "cancelled");
        await convene.prompt(id, "RECALL");
        assert.match((await convene.turn(id, 6)).text, /blue door/);
      });

      await t.test("changes its mode", async () => {
        await convene.must("PATCH", `/v1/sessions/${id}`, { mode });
        const changed = (view) => view.config_options.some((o) => o.category === "mode" && o.value === mode);
        await convene.until(id, `the mode is ${mode}`, changed, 15_000);
      });

      await t.test("changes its model", async (t) => {
        const of = (view) => view.config_options.find((option) => option.category === "model");
        const model = of(await convene.session(id));
        const other = model?.choices.find((choice) => choice.value !== model.value);
        if (!other) return t.skip("it announces no other model");
        await convene.must("PATCH", `/v1/sessions/${id}`, { model: other.value });
        await convene.until(id, `the model is ${other.value}`, (view) => of(view).value === other.value, 15_000);
        // One that the agent's own configuration names is not offered once it is left.
        const offered = of(await convene.session(id)).choices;
        if (!offered.some((choice) => choice.value === model.value)) return;
        await convene.must("PATCH", `/v1/sessions/${id}`, { model: model.value });
        await convene.until(id, `the model is ${model.value} again`, (view) => of(view).value === model.value, 15_000);
      });

      await t.test("leaves nothing after a stop, and remembers after it", async () => {
        await convene.must("POST", `/v1/sessions/${id}/stop`, {});
        const view = await convene.until(id, "it stopped", (v) => v.state === "stopped", 30_000);
        assert.equal(view.stop_verified, true);
        assert.deepEqual(convene.ofSession(id), []);
        await convene.prompt(id, "RECALL");
        const { text, end } = await convene.turn(id, 7);
        assert.equal(end?.stop_reason, "end_turn", JSON.stringify(end));
        const lost = (await convene.events(id)).some((e) => e.type === "agent_context_lost");
        if (!(forgets && lost)) assert.match(text, /blue door/);
      });

      assert.deepEqual(await model.refused(), [], "what the real APIs would refuse");
    } finally {
      const left = await convene.end();
      await model.close();
      home.remove();
      assert.deepEqual(left, [], "no process is left");
    }
  });
}
