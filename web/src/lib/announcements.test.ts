/** A screen reader hears one polite thing in two seconds, and urgent ones at once. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createAnnouncer } from "./announcements";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function listened() {
  const announcer = createAnnouncer();
  const heard: string[] = [];
  let last = announcer.now();
  announcer.watch(() => {
    const now = announcer.now();
    if (now.polite !== last.polite) heard.push(now.polite.text);
    if (now.assertive !== last.assertive) heard.push(`urgent: ${now.assertive.text}`);
    last = now;
  });
  return { announcer, heard };
}

it("says the first at once and the next two seconds later", () => {
  const { announcer, heard } = listened();
  announcer.announce("Turn finished");
  announcer.announce("Copied");
  expect(heard).toEqual(["Turn finished"]);
  vi.advanceTimersByTime(1999);
  expect(heard).toEqual(["Turn finished"]);
  vi.advanceTimersByTime(1);
  expect(heard).toEqual(["Turn finished", "Copied"]);
});

it("does not say the same twice while it waits, and drops old news", () => {
  const { announcer, heard } = listened();
  for (const text of ["0", "1", "1", "2", "3", "4"]) announcer.announce(text);
  vi.advanceTimersByTime(20_000);
  expect(heard).toEqual(["0", "2", "3", "4"]);
});

it("small thing 35: says what is urgent without waiting", () => {
  const { announcer, heard } = listened();
  announcer.announce("Turn finished");
  announcer.announce("Permission needed", "assertive");
  expect(heard).toEqual(["Turn finished", "urgent: Permission needed"]);
});

it("says the same words again as something new", () => {
  const { announcer, heard } = listened();
  announcer.announce("Copied");
  vi.advanceTimersByTime(3000);
  announcer.announce("Copied");
  expect(heard).toEqual(["Copied", "Copied"]);
});
