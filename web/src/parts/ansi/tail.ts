/** The last lines of an output without parsing all of it. */

/** How many lines there are; a line end at the very end begins no line. */
export function countLines(text: string): number {
  if (text === "") return 0;
  let lines = text.endsWith("\n") ? 0 : 1;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines += 1;
  return lines;
}

/** The last lines, with the style that was in force where they begin. */
export function tail(text: string, lines: number): string {
  let at = text.endsWith("\n") ? text.length - 1 : text.length;
  for (let left = lines; left > 0 && at > 0; left -= 1) at = text.lastIndexOf("\n", at - 1);
  if (at <= 0) return text;
  return styleBefore(text, at) + text.slice(at + 1);
}

/** The style sequences since the last reset. */
function styleBefore(text: string, at: number): string {
  const before = text.slice(Math.max(0, at - 100_000), at);
  const reset = Math.max(before.lastIndexOf("\x1b[0m"), before.lastIndexOf("\x1b[m"));
  return (before.slice(reset < 0 ? 0 : reset).match(/\x1b\[[0-9;:]*m/g) ?? []).join("");
}
