/** Home: what is where, in which order, and that it holds still. */
import { describe, expect, it } from "vitest";
import { aFrame, at, numbered } from "../../test/build";
import { random, seeds } from "../../test/random";
import { foldAll, type Input } from "./fold";
import { holdStill, newHome, sectionOf, sections, type Home, type HomeView } from "./select";
import { nothing, type State } from "./state";
import type { Session } from "./types";

const put = (inputs: readonly Input[], from: State = nothing) => foldAll(from, inputs).state;
const list = (items: readonly Session[]): State =>
  put([{ is: "sessions", items, view: "full", pos: 0, epoch: 1 }]);
const view = (over: Partial<HomeView> = {}): HomeView => ({
  q: "",
  section: null,
  group: "none",
  sort: "prompt",
  ...over,
});
const rows = (home: Home) => home.groups.flatMap((group) => group.rows);
const titles = (home: Home) =>
  rows(home).map((row) => (row.is === "session" ? row.session.title : row.command.title));

/** A badge of a server that is newer than we are. */
const strange = (badge: string) => badge as Session["badge"];

const some = list([
  numbered(1, { badge: "idle", last_prompt_at: at(50) }),
  numbered(2, { badge: "stopped" }),
  numbered(3, { badge: "failed" }),
  numbered(4, { badge: "running", last_prompt_at: at(10), updated_at: at(99_000) }),
  numbered(5, { badge: "pending", last_prompt_at: at(20) }),
  numbered(6, { badge: "needs-you" }),
  numbered(7, { badge: "waiting-for-auth", archived: true }),
  numbered(8, { badge: "stopped", archived: true }),
  numbered(9, { badge: strange("dreaming") }),
  numbered(10, { badge: strange("hibernated"), last_prompt_at: at(60) }),
]);

describe("the list", () => {
  it("is ordered by what needs somebody, then by the last prompt of a person", () => {
    expect(titles(newHome()(some, view()))).toEqual([
      "Task 7",
      "Task 6",
      "Task 3",
      "Task 5",
      "Task 4",
      "Task 10",
      "Task 1",
      "Task 9",
      "Task 2",
    ]);
    const working = newHome()(some, view({ section: "working", sort: "activity" }));
    expect(titles(working)).toEqual(["Task 4", "Task 5"]);
  });

  it("counts in each heading what is under it", () => {
    for (const q of ["", "task 1", "ses_", "nothing like it"]) {
      const { counts } = newHome()(some, view({ q }));
      for (const section of sections) {
        expect(rows(newHome()(some, view({ q, section })))).toHaveLength(counts[section]);
      }
    }
    const { counts, total } = newHome()(some, view());
    expect(counts).toEqual({ needs_you: 2, working: 2, idle: 2, stopped: 3, archived: 1 });
    expect(total).toBe(10);
  });

  it("finds by title, directory, agent, branch and id, each word somewhere, letters of either case", () => {
    const state = list([
      numbered(1, { title: "Fix login", cwd: "/code/shop", agent: "codex", branch: "main", workspace: null }),
      numbered(2, {
        title: "Add cache",
        cwd: "/code/tool",
        agent: "claude",
        branch: "cache-2",
        workspace: null,
      }),
    ]);
    const found = (q: string) => titles(newHome()(state, view({ q })));
    expect(found("LOGIN")).toEqual(["Fix login"]);
    expect(found("shop codex")).toEqual(["Fix login"]);
    expect(found("cache-2")).toEqual(["Add cache"]);
    expect(found(`${"0".repeat(31)}2`)).toEqual(["Add cache"]);
    expect(found("shop claude")).toEqual([]);
    expect(found("  ")).toHaveLength(2);
  });

  it("groups by project, the worktree's home with it, and by thread under the thread's title", () => {
    const state = list([
      numbered(1, { cwd: "/a", workspace: null, badge: "idle" }),
      numbered(2, {
        cwd: "/w/1",
        workspace: { cwd: "/w/1", root: "/w/1", worktree_of: "/a" },
        badge: "needs-you",
      }),
      numbered(3, { cwd: "/b", workspace: null, thread_id: numbered(1).thread_id, badge: "running" }),
    ]);
    const groups = (group: HomeView["group"]) =>
      newHome()(state, view({ group })).groups.map((one) => [one.title, one.rows.length]);
    expect(groups("project")).toEqual([
      ["/a", 2],
      ["/b", 1],
    ]);
    expect(groups("thread")).toEqual([
      ["Task 2", 1],
      ["Task 3", 2],
    ]);
  });
});

describe("identity", () => {
  it("stays for all that did not change", () => {
    const home = newHome();
    const before = home(some, view({ group: "project" }));
    expect(home(some, view({ group: "project" }))).toBe(before);
    const changed = put(
      [{ is: "frames", frames: [aFrame(numbered(2, { badge: "stopped", pos: 99 }))] }],
      some,
    );
    const after = home(changed, view({ group: "project" }));
    expect(after).not.toBe(before);
    const held = new Map(rows(before).map((row) => [row.id, row]));
    const fresh = rows(after).filter((row) => held.get(row.id) !== row);
    expect(fresh.map((row) => row.id)).toEqual([numbered(2).id]);
    // What Home does not show does not touch it.
    expect(home(put([{ is: "seen", session: "ses_x", seq: 3 }], changed), view({ group: "project" }))).toBe(
      after,
    );
  });

  it("is that of what would be made anew, whatever happens", () => {
    for (const seed of seeds(100)) {
      const by = random(seed);
      const home = newHome();
      let state = some;
      let wanted = view();
      for (let step = 0; step < 60; step += 1) {
        const n = 1 + by.below(12);
        const badge = by.pick(["idle", "running", "needs-you"] as const);
        const session = numbered(n, {
          badge,
          pos: 100 + step,
          seq: step,
          last_prompt_at: at(by.below(3)),
        });
        const key = `k${by.below(4)}`;
        const input = by.pick<Input>([
          { is: "frames", frames: [aFrame(session)] },
          { is: "seen", session: session.id, seq: step },
          {
            is: "command",
            command: { key, at: step, session: session.id, kind: "rename", title: `Other ${step}` },
          },
          {
            is: "command",
            command: {
              key,
              at: step,
              session: `new:${key}`,
              kind: "create",
              title: "N",
              agent: "a",
              cwd: "/",
            },
          },
          { is: "refused", key, problem: { code: "conflict" } },
          { is: "reply", key, session },
        ]);
        state = put([input], state);
        if (by.chance(0.1)) {
          wanted = view({ group: by.pick(["none", "thread", "project"]), q: by.pick(["", "task", "1"]) });
        }
        if (by.chance(0.3)) continue;
        expect(home(state, wanted), `seed ${seed}, step ${step}`).toEqual(newHome()(state, wanted));
      }
    }
  });

  it("forgets what was asked for and refused, also when something else is asked for in the same moment", () => {
    const home = newHome();
    const create: Input = {
      is: "command",
      command: { key: "c", at: 1, session: "new:c", kind: "create", title: "New", agent: "a", cwd: "/" },
    };
    const asked = put([create], some);
    expect(titles(home(asked, view()))).toContain("New");
    const rename: Input = {
      is: "command",
      command: { key: "r", at: 1, session: numbered(1).id, kind: "rename", title: "Other" },
    };
    const next = put([{ is: "refused", key: "c", problem: { code: "cwd_not_allowed" } }, rename], asked);
    expect(home(next, view())).toEqual(newHome()(next, view()));
  });

  it("says that a turn ended until somebody looks", () => {
    const home = newHome();
    const before = list([numbered(1)]);
    const last_turn = { ...numbered(1).last_turn, id: "trn_new" } as Session["last_turn"];
    const ended = put(
      [{ is: "frames", frames: [aFrame(numbered(1, { pos: 9, seq: 30, last_turn }))] }],
      before,
    );
    const finished = (state: State) =>
      rows(home(state, view())).map((row) => row.is === "session" && row.finished);
    expect(finished(before)).toEqual([false]);
    expect(finished(ended)).toEqual([true]);
    expect(finished(put([{ is: "seen", session: numbered(1).id, seq: 30 }], ended))).toEqual([false]);
  });
});

describe("a list that somebody points at", () => {
  it("small thing 20: does not move; what is new comes last, what is gone goes", () => {
    const home = newHome();
    const held = home(some, view());
    const changes = put(
      [
        {
          is: "frames",
          frames: [
            aFrame(numbered(2, { badge: "needs-you", pos: 90 })),
            aFrame(numbered(11, { badge: "needs-you", pos: 91 })),
            { type: "session:deleted", pos: 92, at: at(0), data: { id: numbered(6).id } },
          ],
        },
      ],
      some,
    );
    const still = holdStill(home(changes, view()), held);
    const before = titles(held).filter((title) => title !== "Task 6");
    expect(titles(still)).toEqual([...before, "Task 11"]);
    expect(holdStill(home(changes, view()), still)).toBe(still);
  });
});

it("puts each badge somewhere", () => {
  expect(sectionOf(numbered(1, { badge: strange("hung") }))).toBe("working");
  expect(sectionOf(numbered(1, { badge: strange("dreaming") }))).toBe("stopped");
});
