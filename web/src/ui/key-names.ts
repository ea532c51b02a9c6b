/** Names of keys for people, from the way our code writes them ("Mod+Shift+Enter"). */
const mac = typeof navigator !== "undefined" && /Mac|iPhone|iPad/.test(navigator.userAgent);

const onMac: Record<string, string> = { Mod: "⌘", Shift: "⇧", Alt: "⌥", Enter: "↵", Escape: "esc" };
const elsewhere: Record<string, string> = { Mod: "Ctrl", Escape: "Esc" };
const arrows: Record<string, string> = { ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→" };

export function keyNames(keys: string, onAMac = mac): string[] {
  const names = onAMac ? onMac : elsewhere;
  return keys.split("+").map((key) => names[key] ?? arrows[key] ?? key);
}
