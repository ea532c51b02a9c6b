/** The twelve shapes of a state, told apart without color. */
import type { ReactNode } from "react";
import type { Glyph } from "./badge-table";

const shapes: Record<Glyph, ReactNode> = {
  diamond: <path d="M6 .6 11.4 6 6 11.4 .6 6z" fill="currentColor" />,
  key: (
    <g {...line()}>
      <circle cx="4" cy="8" r="2.3" />
      <path d="M5.7 6.3 10.8 1.2M8.6 3.4l1.9 1.9" />
    </g>
  ),
  "crossed-square": (
    <g {...line()}>
      <rect x="1.2" y="1.2" width="9.6" height="9.6" rx="1" />
      <path d="M4 4l4 4M8 4L4 8" />
    </g>
  ),
  triangle: <path d="M6 1 11.5 11H.5z" fill="currentColor" strokeLinejoin="round" />,
  "triangle-outline": <path d="M6 1.8 10.9 10.5H1.1z" {...line()} />,
  disc: <circle cx="6" cy="6" r="4.6" fill="currentColor" />,
  "dotted-ring": <circle cx="6" cy="6" r="4.4" {...line()} strokeWidth="1.7" strokeDasharray="0.1 3.356" />,
  ring: <circle cx="6" cy="6" r="4.4" {...line()} />,
  moon: <path d="M10.6 7.4A4.9 4.9 0 0 1 4.6 1.4a4.9 4.9 0 1 0 6 6z" fill="currentColor" />,
  "barred-ring": (
    <g {...line()}>
      <circle cx="6" cy="6" r="4.4" />
      <path d="M3.6 6h4.8" />
    </g>
  ),
  box: (
    <g {...line()}>
      <path d="M.9 2h10.2v2.6H.9zM1.8 4.6v5.6h8.4V4.6M4.7 6.7h2.6" />
    </g>
  ),
  "asked-ring": (
    <g {...line()}>
      <circle cx="6" cy="6" r="4.7" strokeWidth="1.2" strokeDasharray="2.2 1.490" />
      <path d="M4.7 4.9a1.3 1.3 0 1 1 1.9 1.2c-.4.2-.6.4-.6.8M6 8.5v.1" strokeWidth="1.1" />
    </g>
  ),
};

function line() {
  return {
    fill: "none",
    stroke: "currentColor",
    strokeWidth: 1.4,
    strokeLinecap: "round",
    strokeLinejoin: "round",
  } as const;
}

export function BadgeGlyph({ glyph, className }: { readonly glyph: Glyph; readonly className?: string }) {
  return (
    <svg width="12" height="12" viewBox="0 0 12 12" aria-hidden className={className}>
      {shapes[glyph]}
    </svg>
  );
}
