/** Terminal output as lines of styled text. What only a terminal can show, the cursor going about, is left to one. */
export type AnsiColor = "black" | "red" | "green" | "yellow" | "blue" | "magenta" | "cyan" | "white";
export type AnsiStyle = {
  readonly fg?: AnsiColor;
  readonly bg?: AnsiColor;
  readonly bold?: true;
  readonly dim?: true;
  readonly italic?: true;
  readonly underline?: true;
  readonly strike?: true;
  readonly inverse?: true;
};
export type AnsiSpan = { readonly text: string; readonly style: AnsiStyle };
export type AnsiLine = readonly AnsiSpan[];

const COLORS = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"] as const;
const PLAIN: AnsiStyle = {};

/** CSI with its parameters and its last letter; OSC, DCS, APC and PM to their end; and two-character escapes. */
const SEQUENCE =
  /\x1b\[([0-9:;<=>?]*)[ -/]*([@-~])|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\|$)|\x1b[()*+#%][0-9A-Za-z]|\x1b[=>78DEHMNOZc]|\r\n|\r|\n/g;
const MOVES = /\x1b\[[0-9;]*[ABCDEFGHdfJLMPSTXsu@`]|\x1b\[\?(?:47|1047|1049)h|\x1b[78M]|[^\n\r]\x08/;

/** Whether only a terminal shows it as it was meant. */
export function movesCursor(text: string): boolean {
  return MOVES.test(text);
}

/** The lines. A carriage return begins the line again, as progress bars want it. */
export function parseAnsi(text: string): readonly AnsiLine[] {
  const lines: AnsiLine[] = [];
  let line: AnsiSpan[] = [];
  let style = PLAIN;
  let again = false;
  let from = 0;
  const put = (piece: string) => {
    if (piece === "") return;
    if (again) line = [];
    again = false;
    line.push({ text: piece, style });
  };
  const end = () => {
    lines.push(line);
    line = [];
    again = false;
  };
  for (const match of text.matchAll(SEQUENCE)) {
    put(text.slice(from, match.index));
    from = match.index + match[0].length;
    const [whole, parameters, letter] = match;
    if (whole === "\n" || whole === "\r\n") end();
    else if (whole === "\r") again = true;
    else if (letter === "m") style = styled(style, parameters ?? "");
    else if (letter === "K" && again) {
      line = [];
    }
  }
  put(text.slice(from));
  if (line.length > 0) end();
  return lines;
}

function styled(before: AnsiStyle, parameters: string): AnsiStyle {
  const codes = parameters.split(";").map((code) => code.split(":").map(Number));
  let style = before;
  for (let at = 0; at < codes.length; at += 1) {
    const [code = 0, ...inner] = codes[at] ?? [];
    if (code === 38 || code === 48) {
      const rest = inner.length > 0 ? inner : codes.slice(at + 1, at + 5).map(([n]) => n ?? 0);
      const { color, used } = wideColor(rest);
      if (inner.length === 0) at += used;
      style = code === 38 ? { ...style, fg: color } : { ...style, bg: color };
    } else {
      style = simple(style, code);
    }
  }
  return style;
}

function simple(style: AnsiStyle, code: number): AnsiStyle {
  if (code === 0) return PLAIN;
  if (code === 1) return { ...style, bold: true };
  if (code === 2 || code === 8) return { ...style, dim: true };
  if (code === 3) return { ...style, italic: true };
  if (code === 4 || code === 21) return { ...style, underline: true };
  if (code === 7) return { ...style, inverse: true };
  if (code === 9) return { ...style, strike: true };
  if (code === 22) return without(style, "bold", "dim");
  if (code === 23) return without(style, "italic");
  if (code === 24) return without(style, "underline");
  if (code === 27) return without(style, "inverse");
  if (code === 28) return without(style, "dim");
  if (code === 29) return without(style, "strike");
  if (code === 39) return without(style, "fg");
  if (code === 49) return without(style, "bg");
  if (code >= 30 && code <= 37) return { ...style, fg: COLORS[code - 30] };
  if (code >= 40 && code <= 47) return { ...style, bg: COLORS[code - 40] };
  if (code >= 90 && code <= 97) return { ...style, fg: COLORS[code - 90] };
  if (code >= 100 && code <= 107) return { ...style, bg: COLORS[code - 100] };
  return style;
}

function without(style: AnsiStyle, ...keys: (keyof AnsiStyle)[]): AnsiStyle {
  const rest = { ...style };
  for (const key of keys) delete rest[key];
  return rest;
}

/** One of the eight colors for any other: those can be read in both themes. */
function wideColor([kind, ...rest]: readonly number[]): { color: AnsiColor | undefined; used: number } {
  if (kind === 5) return { color: indexed(rest[0] ?? 0), used: 2 };
  if (kind === 2) {
    // With colons a color space may stand before the three.
    const [r = 0, g = 0, b = 0] = rest.length > 3 ? rest.slice(1) : rest;
    return { color: nearest(r, g, b), used: 4 };
  }
  return { color: undefined, used: 1 };
}

function indexed(index: number): AnsiColor | undefined {
  if (index < 16) return COLORS[index % 8];
  if (index > 231) return index < 244 ? "black" : "white";
  const cube = index - 16;
  return nearest(Math.floor(cube / 36) * 51, (Math.floor(cube / 6) % 6) * 51, (cube % 6) * 51);
}

function nearest(r: number, g: number, b: number): AnsiColor | undefined {
  const high = Math.max(r, g, b);
  const low = Math.min(r, g, b);
  if (high - low < 48) return high < 96 ? "black" : "white";
  const middle = (high + low) / 2;
  return COLORS[(r > middle ? 1 : 0) + (g > middle ? 2 : 0) + (b > middle ? 4 : 0)];
}
