import { describe, expect, it } from "vitest";
import { meaningOf, type KeyPress, type Mood } from "./send-key";

const press = (given: Partial<KeyPress>): KeyPress => ({
  key: "Enter",
  mod: false,
  shift: false,
  alt: false,
  composing: false,
  ...given,
});
const mood = (given: Partial<Mood> = {}): Mood => ({ enter: "sends", busy: false, empty: false, ...given });

describe("keys of the composer", () => {
  it("sends on Enter, and writes a line on Shift Enter", () => {
    expect(meaningOf(press({}), mood())).toBe("send");
    expect(meaningOf(press({ shift: true }), mood())).toBe("newline");
  });
  it("sends nothing with the Enter that ends a composition", () => {
    expect(meaningOf(press({ composing: true }), mood())).toBe("nothing");
    expect(meaningOf(press({ composing: true, mod: true }), mood({ busy: true }))).toBe("nothing");
  });
  it("queues on Enter and interrupts on Mod Enter while a turn runs", () => {
    expect(meaningOf(press({}), mood({ busy: true }))).toBe("send");
    expect(meaningOf(press({ mod: true }), mood({ busy: true }))).toBe("interrupt");
  });
  it("takes what waits with Mod Enter on an empty field, never with Enter", () => {
    expect(meaningOf(press({ mod: true }), mood({ busy: true, empty: true }))).toBe("interrupt");
    expect(meaningOf(press({}), mood({ busy: true, empty: true }))).toBe("nothing");
  });
  it("makes a line on Enter where that was chosen, and sends on Mod Enter", () => {
    expect(meaningOf(press({}), mood({ enter: "newline" }))).toBe("newline");
    expect(meaningOf(press({ mod: true }), mood({ enter: "newline" }))).toBe("send");
  });
  it("edits the last prompt that waits on Alt Up", () => {
    expect(meaningOf(press({ key: "ArrowUp", alt: true }), mood())).toBe("edit_last");
    expect(meaningOf(press({ key: "ArrowUp" }), mood())).toBe("nothing");
  });
});
