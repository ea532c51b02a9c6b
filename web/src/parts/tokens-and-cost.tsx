/** What a session or a turn has used: tokens always, money only if the agent told it. */
import { t } from "@/i18n";
import { context, money, number, tokensInOut } from "@/i18n/format";
import type { Usage } from "@/api/gen";

type TokensAndCostProps = {
  readonly usage: Usage;
  /** Who reported the price. */
  readonly agent: string;
  /** `short` is for rows: no word about a price that is not known. */
  readonly look?: "short" | "full";
};

export function TokensAndCost({ usage, agent, look = "short" }: TokensAndCostProps) {
  const input = usage.input_tokens;
  const output = usage.output_tokens;
  // An agent that was interrupted before it counted says 0 and 0: that is no amount.
  const known = (input ?? 0) + (output ?? 0) > 0;
  const price =
    usage.cost !== undefined && usage.currency !== undefined
      ? t("shared.tokens.price", { price: money(usage.cost, usage.currency), agent })
      : null;
  if (look === "short")
    return known ? <span title={price ?? undefined}>{tokensInOut(input ?? 0, output ?? 0)}</span> : null;
  return (
    <span className="inline-flex flex-wrap gap-x-3">
      {known && <span>{tokensInOut(input ?? 0, output ?? 0)}</span>}
      <span className={price === null ? "text-3" : undefined}>{price ?? t("shared.tokens.no_price")}</span>
    </span>
  );
}

/** How full the agent's context is: "12k of 200k". Nothing where the agent does not tell. */
export function ContextInUse({ usage }: { readonly usage: Usage }) {
  const { context_used: used, context_size: size } = usage;
  if (used === undefined || size === undefined || size === 0) return null;
  const label = t("shared.tokens.context_label", { used: number(used), size: number(size) });
  return (
    <span title={label} className={used / size > 0.9 ? "text-warn-ink" : undefined}>
      <span aria-hidden>{context(used, size)}</span>
      <span className="sr-only">{label}</span>
    </span>
  );
}
