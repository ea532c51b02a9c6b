/** What is shown of a session is what the server says of it. */
import { expect, it } from "vitest";
import { badges, shownBadge } from "./badge-table";

it("shows each badge of the server under its own name", () => {
  for (const badge of [
    "failed",
    "stopped",
    "waiting-for-auth",
    "needs-you",
    "pending",
    "idle",
    "running",
    "hibernated",
  ]) {
    expect(shownBadge({ badge })).toEqual({ name: badge });
  }
});

it("tells which kind of running it is", () => {
  expect(shownBadge({ badge: "running", state: "starting" }).name).toBe("starting");
  expect(shownBadge({ badge: "running", state: "stopping" }).name).toBe("stopping");
  expect(shownBadge({ badge: "running", state: "running" }).name).toBe("running");
  expect(shownBadge({ badge: "failed", state: "stopping" }).name).toBe("failed");
});

it("shows who is needed before what is put away", () => {
  expect(shownBadge({ badge: "needs-you", archived: true }).name).toBe("needs-you");
  expect(shownBadge({ badge: "stopped", archived: true }).name).toBe("archived");
});

it("names a badge that it does not know, and guesses nothing", () => {
  expect(shownBadge({ badge: "dreaming" })).toEqual({ name: "unknown", token: "dreaming" });
  expect(shownBadge({ badge: "toString" })).toEqual({ name: "unknown", token: "toString" });
});

it("gives states that differ a shape or a word that differs", () => {
  const faces = Object.values(badges).map(({ glyph, word }) => `${glyph} ${word}`);
  expect(new Set(faces).size).toBe(faces.length);
});
