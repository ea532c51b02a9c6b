/** Which action a key press means. Single letters never act in a field or while a composition is open. */
import type { Action } from "@/bind/actions";

export type Press = {
  readonly key: string;
  readonly mod: boolean;
  readonly shift: boolean;
  readonly alt: boolean;
  readonly in_field: boolean;
};

/** A press of interest; `null` for compositions, repeats of letters, and bare modifiers. */
export function pressOf(event: KeyboardEvent, mac: boolean): Press | null {
  if (event.isComposing || event.keyCode === 229 || event.defaultPrevented) return null;
  if (["Shift", "Control", "Alt", "Meta"].includes(event.key)) return null;
  return {
    key: event.key,
    mod: mac ? event.metaKey : event.ctrlKey,
    shift: event.shiftKey,
    alt: event.altKey,
    in_field: isField(event.target),
  };
}

/** The first action that has this press among its keys. `letters`: whether single letters are on. */
export function actionFor(actions: readonly Action[], press: Press, letters: boolean): Action | null {
  return actions.find((action) => action.keys?.some((keys) => fits(action, keys, press, letters))) ?? null;
}

function fits(action: Action, keys: string, press: Press, letters: boolean): boolean {
  const parts = keys.split("+");
  const key = parts.at(-1) === "" ? "+" : (parts.at(-1) ?? "");
  const wants = (name: string) => parts.slice(0, -1).includes(name);
  if (wants("Mod") !== press.mod || wants("Alt") !== press.alt) return false;
  const plain = !press.mod && !press.alt;
  if (plain && !letters && key.length === 1 && key !== "?") return false;
  if (press.in_field && (plain ? key !== "Escape" || !action.in_fields : !action.in_fields)) return false;
  if (key.length > 1) return key === press.key && wants("Shift") === press.shift;
  if (!/[a-z]/i.test(key)) return key === press.key;
  return key.toLowerCase() === press.key.toLowerCase() && wants("Shift") === press.shift;
}

function isField(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable) return true;
  if (target instanceof HTMLInputElement)
    return !["checkbox", "radio", "button", "submit"].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}
