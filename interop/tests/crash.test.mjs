// Real agents while somebody kills -9 in the middle of a streamed answer: the server, the runner, the keeper, the agent.
// All that a client saw is in the log, the session says what happened, and the agent still knows the conversation.
// Those that take minutes are tried when they are named:
//
//   CONVENE_INTEROP=opencode,gemini node --test interop/tests/crash.test.mjs

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import test from "node:test";

import { Convene, Home } from "../convene.mjs";
import { Follower } from "../follow.mjs";
import { startMockModel } from "../mock-model.mjs";
import { missing, prepare, toToml } from "../recipe.mjs";

/** What an agent is known to do otherwise. */
const AGENTS = {
  codex: {},
  claude: {},
  opencode: {},
  // It writes a conversation down at its end, and has none of one that was cut short; then it is told what was said.
  gemini: { forgets: true },
};

const wanted = (process.env.CONVENE_INTEROP ?? "codex,claude").split(",").filter((name) => name in AGENTS);

/** The processes of a session's attempt. */
async function family(convene, id) {
  const { attempt } = await convene.session(id);
  const record = path.join(convene.home.data, "run", id, String(attempt), "attempt.json");
  const { keeper, runner } = JSON.parse(readFileSync(record, "utf8"));
  const launched = (await convene.events(id)).findLast((e) => e.type === "agent_launched");
  return { keeper: keeper.pid, runner: runner.pid, agent: launched.pid };
}

/** What the model was sent for the last prompt of a conversation: all texts of the user, old ones first. */
async function lastRequest(model, prompt) {
  const { conversations } = await model.conversations();
  const about = conversations.filter((c) => c.user.at(-1)?.includes(prompt));
  return JSON.stringify(about.at(-1)?.exchanges.at(-1)?.request ?? null);
}

for (const name of wanted) {
  const { forgets = false } = AGENTS[name];
  test(`${name} and kill -9`, { timeout: 300_000 }, async (t) => {
    const why = missing(name);
    if (why) return t.skip(why);
    const model = await startMockModel({ tick: 40 });
    const home = new Home();
    const of = path.join(home.root, "agent");
    mkdirSync(of);
    const convene = new Convene(home, toToml(name, prepare(name, { modelUrl: model.url, home: of })));
    const followers = [];
    try {
      await convene.start();

      /** A session that has heard of a door of this color, and streams an answer of so many ticks. */
      const streaming = async (color, ticks = 60) => {
        const id = await convene.create({ agent: name, cwd: home.directory(color), prompt: `remember the ${color} door` });
        await convene.turn(id, 1);
        const follower = new Follower(convene, id);
        followers.push(follower);
        await convene.prompt(id, `SLOW ${ticks}`);
        await follower.until("it streams", (seen) => seen.text.includes("tick5"));
        return { id, follower };
      };

      /** All that was seen is in the log, as it was seen. */
      const allIsThere = async (follower) => {
        assert.deepEqual(follower.faults, []);
        // It goes on following while the log is asked for.
        const seen = [...follower.events];
        const log = await convene.events(follower.session);
        assert.deepEqual(log.slice(0, seen.length), seen, "the log has what was seen");
        assert.deepEqual(log.map((e) => e.seq), log.map((_, at) => at + 1), "the log has no gap");
        return log;
      };

      /** The next prompt reaches an agent that knows what was said. */
      const goesOn = async ({ id, follower }, color) => {
        const number = (await convene.session(id)).last_turn.number + 1;
        await convene.prompt(id, "RECALL");
        const { text, end } = await convene.turn(id, number);
        assert.equal(end?.stop_reason, "end_turn", JSON.stringify(end));
        const log = await allIsThere(follower);
        const lost = log.filter((e) => e.type === "agent_context_lost");
        if (!forgets) assert.deepEqual(lost, [], "it was never told that it forgot");
        if (lost.length === 0) assert.match(text, new RegExp(`${color} door`));
        const request = await lastRequest(model, "RECALL");
        assert.ok(request.includes(`${color} door`), `the model sees the earlier conversation: ${request}`);
      };

      await t.test("of the server", async () => {
        const session = await streaming("blue");
        const seen = session.follower.text;
        await convene.kill();
        await convene.again();
        // Nobody but the server died, so the answer goes on to its end.
        const { text, end } = await convene.turn(session.id, 2);
        assert.equal(end.stop_reason, "end_turn");
        assert.ok(text.includes("tick59"), text);
        assert.ok(session.follower.text.startsWith(seen));
        const ticks = [...text.matchAll(/tick(\d+)/g)].map((match) => Number(match[1]));
        assert.deepEqual(ticks, [...Array(60).keys()], "each word once");
        await goesOn(session, "blue");
      });

      for (const [role, color] of [["runner", "red"], ["keeper", "green"], ["agent", "white"]]) {
        await t.test(`of the ${role}`, async () => {
          // Long enough that it still streams when it is killed, however slow the machine is.
          const session = await streaming(color, 400);
          const pids = await family(convene, session.id);
          process.kill(pids[role], "SIGKILL");
          const { view, end } = await convene.turn(session.id, 2, 15_000);
          assert.ok(["stopped", "idle"].includes(view.state), view.state);
          assert.notEqual(end.stop_reason, "end_turn");
          assert.ok(end.failure?.summary, `it says what happened: ${JSON.stringify(end)}`);
          const shown = await convene.run(["show", session.id]);
          const logs = await convene.run(["logs", session.id]);
          t.diagnostic(`${role}: ${view.state}, ${end.stop_reason}, ${JSON.stringify(end.failure)}`);
          for (const { stdout } of [shown, logs]) assert.match(stdout, /kill|died|ended|lost|SIGKILL/i, stdout);
          await allIsThere(session.follower);
          await goesOn(session, color);
        });
      }

      assert.deepEqual(await model.refused(), [], "what the real APIs would refuse");
    } finally {
      for (const follower of followers) await follower.end();
      const left = await convene.end();
      await model.close();
      home.remove();
      assert.deepEqual(left, [], "no process is left");
    }
  });
}
