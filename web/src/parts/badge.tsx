/** The state of a session: shape, tone and word say the same, and the word is always there. */
import { memo } from "react";
import { t } from "@/i18n";
import { cx } from "@/lib/cx";
import { badges, shownBadge, type Tone } from "./badge-table";
import { BadgeGlyph } from "./badge-glyph";

type BadgeProps = {
  readonly badge: string;
  readonly state?: string;
  readonly archived?: boolean;
  /** `glyph` leaves the word to a screen reader: for narrow places where the word stands close by. */
  readonly look?: "word" | "glyph" | "chip";
  /** Why: shown on hover. */
  readonly evidence?: string;
};

const inks: Record<Tone, string> = {
  attention: "text-attention-ink",
  bad: "text-bad-ink",
  warn: "text-warn-ink",
  busy: "text-busy-ink",
  good: "text-good-ink",
  quiet: "text-quiet-ink",
};
const glyphs: Record<Tone, string> = {
  attention: "text-attention",
  bad: "text-bad",
  warn: "text-warn",
  busy: "text-busy",
  good: "text-good",
  quiet: "text-quiet",
};
const tints: Record<Tone, string> = {
  attention: "bg-attention-tint",
  bad: "bg-bad-tint",
  warn: "bg-warn-tint",
  busy: "bg-busy-tint",
  good: "bg-good-tint",
  quiet: "bg-quiet-tint",
};

export const Badge = memo(function Badge({ badge, state, archived, look = "word", evidence }: BadgeProps) {
  const shown = shownBadge({ badge, state, archived });
  const { tone, glyph, word, manner } = badges[shown.name];
  const text = shown.name === "unknown" ? t("shared.badge.unknown_named", { token: shown.token }) : t(word);
  return (
    <span
      data-badge={shown.name}
      title={evidence}
      className={cx(
        "inline-flex max-w-full items-baseline gap-1.5 whitespace-nowrap",
        inks[tone],
        look === "chip" && cx("rounded-full px-2 py-px text-sm font-medium", tints[tone]),
      )}
    >
      <BadgeGlyph
        glyph={glyph}
        className={cx(
          "shrink-0 self-center",
          glyphs[tone],
          manner === "pulse" && "animate-pulse",
          manner === "dim" && "opacity-80",
        )}
      />
      <span className={look === "glyph" ? "sr-only" : "truncate"}>{text}</span>
    </span>
  );
});
