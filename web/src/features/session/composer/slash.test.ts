import { describe, expect, it } from "vitest";
import { matching, typedCommand, withCommand } from "./slash";

const commands = [{ name: "review" }, { name: "test" }, { name: "preview" }];

describe("slash commands", () => {
  it("are looked for at the beginning of the message alone", () => {
    expect(typedCommand("/re", 3)).toBe("re");
    expect(typedCommand("/", 1)).toBe("");
    expect(typedCommand("look at /re", 11)).toBeNull();
    expect(typedCommand("/review this", 12)).toBeNull();
    expect(typedCommand("/usr/bin", 8)).toBeNull();
  });
  it("puts those first that begin with what was typed", () => {
    expect(matching(commands, "rev").map(({ name }) => name)).toEqual(["review", "preview"]);
  });
  it("keeps what was written behind", () => {
    expect(withCommand("/re the last commit", "review")).toEqual({
      text: "/review the last commit",
      caret: 8,
    });
  });
});
