import { expect, it } from "vitest";
import type { StopStep } from "@/api/gen";
import type { KnownEvent } from "@/store/types";
import { noteWords } from "./note-words";

const about = { agent: "codex", worker: "lap", now: 0 };
const stopped = (more: { step?: StopStep; verified?: boolean }) =>
  noteWords(
    { type: "session_stopped", cause: "user_requested", verified: true, ...more } as KnownEvent,
    about,
  )?.text;

it.each<[StopStep | undefined, string]>([
  [undefined, "Stopped: somebody stopped it. No process is left."],
  ["cancel", "Stopped: somebody stopped it. A cancel was enough. No process is left."],
  ["close", "Stopped: somebody stopped it. Closing its input was enough. No process is left."],
  ["terminate", "Stopped: somebody stopped it. It took SIGTERM. No process is left."],
  ["kill", "Stopped: somebody stopped it. It took SIGKILL. No process is left."],
  ["tree", "Stopped: somebody stopped it. It took SIGKILL to the whole process tree. No process is left."],
])("says what it took to stop it: %s", (step, text) => {
  expect(stopped(step === undefined ? {} : { step })).toBe(text);
});

it("does not call a stop proved that is not", () => {
  expect(stopped({ step: "kill", verified: false })).toBe(
    "Stopped: somebody stopped it. It took SIGKILL. Not verified: lap is silent, its processes may still run.",
  );
});
