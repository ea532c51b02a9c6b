/** Suggestions for the agent's own commands while one is typed, and the keys that walk and take them. */
import { useState, type KeyboardEvent } from "react";
import type { KeyPress } from "./send-key";
import { matching, typedCommand, withCommand, type Command } from "./slash";
import type { DraftField } from "./use-draft";

export type Slash = {
  readonly commands: readonly Command[];
  readonly at: number;
  readonly take: (name: string) => void;
  /** The caret stands here now. */
  readonly caret: (at: number) => void;
  /** Whether the key was for the list. */
  readonly onKey: (press: KeyPress, event: KeyboardEvent) => boolean;
};

export function useSlash(known: readonly Command[], draft: DraftField): Slash {
  const { text } = draft;
  const [caret, setCaret] = useState(0);
  const [chosen, choose] = useState(0);
  /** What was typed when the list was closed: it stays so until something else is typed. */
  const [closed, close] = useState<string | null>(null);
  const typed = typedCommand(text, caret);
  const commands = typed === null || typed === closed ? [] : matching(known, typed);
  const at = Math.min(chosen, Math.max(0, commands.length - 1));
  const take = (name: string) => {
    const next = withCommand(text, name);
    draft.write(next.text, next.caret);
    setCaret(next.caret);
    choose(0);
  };
  return {
    commands,
    at,
    take,
    caret: setCaret,
    onKey: (press, event) => {
      if (commands.length === 0 || press.composing) return false;
      const step = press.key === "ArrowDown" ? 1 : press.key === "ArrowUp" && !press.alt ? -1 : 0;
      const command = commands[at];
      const takes = (press.key === "Tab" || press.key === "Enter") && !press.shift && !press.mod;
      if (step !== 0) choose((at + step + commands.length) % commands.length);
      else if (takes && command !== undefined) take(command.name);
      else if (press.key === "Escape") {
        event.stopPropagation();
        close(typed);
      } else return false;
      event.preventDefault();
      return true;
    },
  };
}
