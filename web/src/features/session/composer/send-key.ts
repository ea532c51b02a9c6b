/** What a key press in the composer means. A key that belongs to a composition means nothing here. */
export type KeyPress = {
  readonly key: string;
  readonly mod: boolean;
  readonly shift: boolean;
  readonly alt: boolean;
  /** Whether it ends or continues a composition, as told by the event or by its old key code. */
  readonly composing: boolean;
};

export type Meaning = "send" | "interrupt" | "newline" | "edit_last" | "nothing";

export type Mood = {
  readonly enter: "sends" | "newline";
  readonly busy: boolean;
  readonly empty: boolean;
};

export function meaningOf(press: KeyPress, { enter, busy, empty }: Mood): Meaning {
  if (press.composing) return "nothing";
  if (press.key === "ArrowUp" && press.alt && !press.mod) return "edit_last";
  if (press.key !== "Enter" || press.alt) return "nothing";
  if (press.shift) return "newline";
  // On an empty field Enter does nothing: a double press would send what waits.
  if (press.mod) return busy ? "interrupt" : empty ? "nothing" : "send";
  if (enter === "newline") return "newline";
  return empty ? "nothing" : "send";
}

export function pressOf(event: KeyboardEvent, mac: boolean): KeyPress {
  return {
    key: event.key,
    mod: mac ? event.metaKey : event.ctrlKey,
    shift: event.shiftKey,
    alt: event.altKey,
    // Some browsers end a composition before the key that ended it is told: 229 is what they say then.
    composing: event.isComposing || event.keyCode === 229,
  };
}
