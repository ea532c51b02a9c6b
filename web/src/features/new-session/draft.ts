/** What was typed for a new session, kept in this browser until it is sent. */
import { emptyForm, type Form } from "./form";

const KEY = "convene.draft.new";
const PAUSE_MS = 300;

let timer: ReturnType<typeof setTimeout> | undefined;

/** Kept after a pause of the typing; at once when there is nothing to keep. */
export function keepDraft(typed: Partial<Form>): void {
  clearTimeout(timer);
  const write = () => {
    try {
      if (Object.keys(typed).length === 0) localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, JSON.stringify(typed));
    } catch {
      // A browser that keeps nothing keeps no draft; what is typed stays on the page.
    }
  };
  if (Object.keys(typed).length === 0) write();
  else timer = setTimeout(write, PAUSE_MS);
}

/** What was kept, as far as this version knows its fields. */
export function keptDraft(): Partial<Form> {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    if (typeof kept !== "object" || kept === null) return {};
    const known = Object.entries(kept).filter(
      ([name, value]) => name in emptyForm && typeof value === typeof emptyForm[name as keyof Form],
    );
    return Object.fromEntries(known);
  } catch {
    return {};
  }
}
