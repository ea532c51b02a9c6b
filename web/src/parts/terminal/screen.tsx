/** The terminal itself. It takes no keys, opens no links and answers nothing to the program: that ended long ago. */
import { useEffect, useRef } from "react";
import { Terminal as Xterm, type ITheme } from "@xterm/xterm";
import "@xterm/xterm/css/xterm.css";

type ScreenProps = { readonly text: string; readonly label: string };

const COLUMNS = 100;
const ROWS = 24;

export default function Screen({ text, label }: ScreenProps) {
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const box = ref.current;
    if (box === null) return;
    const terminal = new Xterm({
      cols: COLUMNS,
      rows: ROWS,
      convertEol: true,
      disableStdin: true,
      cursorBlink: false,
      scrollback: 5000,
      fontSize: 12,
      fontFamily: getComputedStyle(document.documentElement).getPropertyValue("--font-mono") || "monospace",
      theme: themeOf(box),
      linkHandler: { activate: () => undefined },
    });
    terminal.open(box);
    terminal.write(text);
    return () => terminal.dispose();
  }, [text]);
  return <div ref={ref} role="img" aria-label={label} className="overflow-x-auto p-2" />;
}

function themeOf(node: Element): ITheme {
  const style = getComputedStyle(node);
  const color = (name: string) => style.getPropertyValue(name).trim();
  return {
    background: color("--surface-1"),
    foreground: color("--text-1"),
    cursor: color("--text-3"),
    selectionBackground: color("--selection"),
    black: color("--ansi-black"),
    red: color("--ansi-red"),
    green: color("--ansi-green"),
    yellow: color("--ansi-yellow"),
    blue: color("--ansi-blue"),
    magenta: color("--ansi-magenta"),
    cyan: color("--ansi-cyan"),
    white: color("--ansi-white"),
    brightBlack: color("--text-3"),
    brightRed: color("--ansi-red"),
    brightGreen: color("--ansi-green"),
    brightYellow: color("--ansi-yellow"),
    brightBlue: color("--ansi-blue"),
    brightMagenta: color("--ansi-magenta"),
    brightCyan: color("--ansi-cyan"),
    brightWhite: color("--text-1"),
  };
}
