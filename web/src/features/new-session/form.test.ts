/** The form sends what was typed, and says a refusal where it belongs. */
import { describe, expect, test } from "vitest";
import { formOf } from "./draft";
import { bodyOf, emptyForm, fieldOf, mcpServer, words, type Form } from "./form";

const form = (part: Partial<Form>): Form => ({ ...emptyForm, agent: "codex", cwd: "/repo", ...part });

test("what was kept comes back, as far as this version knows it", () => {
  const fields = { agent: "codex", worktree: true, timeout: 12, bogus: "x" };
  expect(formOf({ text: "Go", fields })).toEqual({ prompt: "Go", agent: "codex", worktree: true });
  expect(formOf({ text: "" })).toEqual({});
  expect(formOf(null)).toEqual({});
});

describe("the body", () => {
  test("has no field that nobody filled in", () => {
    expect(bodyOf(form({ prompt: "Go" }), [], false)).toEqual({
      agent: "codex",
      cwd: "/repo",
      permissions: "ask",
      prompt: "Go",
    });
  });

  test("of an idle session has no prompt", () => {
    expect(bodyOf(form({ prompt: "Later" }), [], true)).not.toHaveProperty("prompt");
  });

  test("tells model and mode from other options, and keeps booleans", () => {
    const options = [
      { id: "m", name: "Model", category: "model", value: "a" },
      { id: "mode", name: "Mode", category: "mode", value: "ask" },
      { id: "fast", name: "Fast", value: false },
      { id: "effort", name: "Effort", value: "low" },
    ];
    const config = { m: "b", mode: "code", fast: "true", effort: "high", gone: "x" };
    expect(bodyOf(form({ config }), options, true)).toMatchObject({
      model: "b",
      mode: "code",
      config: { fast: true, effort: "high" },
    });
  });

  test("has labels, directories and servers by the line", () => {
    const body = bodyOf(
      form({ labels: "team=core\n\nurgent", add_dirs: " /a \n/b", mcp: "https://docs.example/mcp" }),
      [],
      true,
    );
    expect(body.labels).toEqual({ team: "core", urgent: "" });
    expect(body.add_dirs).toEqual(["/a", "/b"]);
    expect(body.mcp_servers).toEqual([
      { type: "http", name: "docs.example", url: "https://docs.example/mcp" },
    ]);
  });
});

test("a server is a command with its words, under its own name or the program's", () => {
  expect(mcpServer(`docs = npx -y "my server" --root '/a b'`)).toEqual({
    name: "docs",
    command: "npx",
    args: ["-y", "my server", "--root", "/a b"],
  });
  expect(mcpServer("/usr/bin/files /srv")).toEqual({
    name: "files",
    command: "/usr/bin/files",
    args: ["/srv"],
  });
  expect(words(`a "b \\" c"`)).toEqual(["a", 'b " c']);
});

test.each([
  [{ code: "invalid_request", field: "timeout" }, "timeout"],
  [{ code: "invalid_request", field: "mcp_servers[0].command" }, "mcp"],
  [{ code: "invalid_request", field: "elsewhere" }, null],
  [{ code: "cwd_not_allowed" }, "cwd"],
  [{ code: "agent_not_installed" }, "agent"],
  [{ code: "worktree_not_git" }, "worktree"],
  [{ code: "rate_limited" }, null],
])("%o belongs to %s", (problem, field) => {
  expect(fieldOf(problem)).toBe(field);
});
