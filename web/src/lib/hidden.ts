/** Characters that act on text without being seen: found here, so that they are shown and not obeyed. */
export type Segment =
  { readonly text: string } | { readonly hidden: "control" | "bidi" | "invisible"; readonly code: string };

/** Turns the direction of what follows. */
const BIDI = "\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069";
/** Does something to a terminal; line ends and tabs are ordinary. */
const CONTROL = "\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f";
/** Takes no room at all. The joiners U+200C and U+200D are needed by some scripts and by emoji, so they only count in commands. */
const INVISIBLE =
  "\\u00ad\\u034f\\u115f\\u1160\\u17b4\\u17b5\\u180e\\u200b\\u2060-\\u2064\\u206a-\\u206f\\u3164\\ufeff\\uffa0\\ufff9-\\ufffb\\u{e0000}-\\u{e007f}";

const inText = new RegExp(`[${BIDI}${CONTROL}${INVISIBLE}]|\r(?!\n)`, "gu");
const inCommands = new RegExp(`[${BIDI}${CONTROL}\\r${INVISIBLE}\\u200c\\u200d\\u2028\\u2029\\u00a0]`, "gu");
const bidi = new RegExp(`[${BIDI}]`, "u");
const control = new RegExp(`[${CONTROL}\\r\\u2028\\u2029]`, "u");

export type Watchfulness = "text" | "command";

/** Cuts text at each hidden character. Text without any comes back as one piece. */
export function segments(text: string, how: Watchfulness = "text"): readonly Segment[] {
  // A line end of Windows is a line end.
  const plain = how === "text" ? text.replace(/\r\n/g, "\n") : text;
  const found: Segment[] = [];
  let from = 0;
  for (const match of plain.matchAll(how === "text" ? inText : inCommands)) {
    if (match.index > from) found.push({ text: plain.slice(from, match.index) });
    found.push(named(match[0]));
    from = match.index + match[0].length;
  }
  if (from < plain.length || found.length === 0) found.push({ text: plain.slice(from) });
  return found;
}

/** The text with names in the place of hidden characters, where marks of their own cannot stand. */
export function unveiled(text: string): string {
  return text.replace(inText, (char) => {
    const piece = named(char);
    return "hidden" in piece ? `[${signOf(piece.code)}]` : char;
  });
}

/** How many hidden characters there are. */
export function hiddenCount(text: string, how: Watchfulness = "text"): number {
  return text.match(how === "text" ? inText : inCommands)?.length ?? 0;
}

function named(char: string): Segment {
  const code = (char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
  return { hidden: bidi.test(char) ? "bidi" : control.test(char) ? "control" : "invisible", code };
}

const signs =
  "NUL SOH STX ETX EOT ENQ ACK BEL BS TAB LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US".split(
    " ",
  );

/** What stands in a hidden character's place: its usual name where it has one (ESC), else its number. */
export function signOf(code: string): string {
  const point = Number.parseInt(code, 16);
  return signs[point] ?? (point === 0x7f ? "DEL" : `U+${code}`);
}
