/** What somebody chose for this browser. Kept in it; a browser that keeps nothing has the defaults. */

export type Theme = "system" | "light" | "dark";

type Preferences = {
  readonly theme: Theme;
  /** Whether single letters act. */
  readonly letters: boolean;
  /** Whether Enter makes a new line and Mod+Enter sends. */
  readonly enter: "sends" | "newline";
  readonly notify: boolean;
  /** Whether what was seen is kept for later visits. */
  readonly copy: boolean;
  /** Whether a session's facts stand beside its talk where there is room. */
  readonly facts: boolean;
};

type Name = keyof Preferences;
export type PreferenceName = Name;
export type PreferenceOf<N extends Name> = Preferences[N];

const defaults: Preferences = {
  theme: "system",
  letters: true,
  enter: "sends",
  notify: false,
  copy: true,
  facts: true,
};
const watchers = new Set<() => void>();

export function preference<N extends Name>(name: N): Preferences[N] {
  const kept = read(name);
  const [on] = [defaults[name]];
  if (typeof on === "boolean") return (kept === null ? on : kept === "true") as Preferences[N];
  return (kept ?? on) as Preferences[N];
}

export function prefer<N extends Name>(name: N, value: Preferences[N]): void {
  try {
    localStorage.setItem(`convene.${name}`, String(value));
  } catch {
    // It holds for this visit of nobody: the browser keeps nothing.
  }
  for (const watcher of watchers) watcher();
}

/** Calls back when a choice changes, in this tab or another. */
export function watchPreferences(changed: () => void): () => void {
  watchers.add(changed);
  window.addEventListener("storage", changed);
  return () => {
    watchers.delete(changed);
    window.removeEventListener("storage", changed);
  };
}

export function lettersOn(): boolean {
  return preference("letters");
}

function read(name: Name): string | null {
  try {
    return localStorage.getItem(`convene.${name}`);
  } catch {
    return null;
  }
}
