/** Tokens of programs and workers: made, listed, ended. */
import { useState } from "react";
import { useQuestion } from "@/bind/questions";
import { useStore } from "@/bind/store";
import { revokeToken } from "@/commands/revoke-token";
import { t } from "@/i18n";
import { exact, instant } from "@/i18n/format";
import { LoadingNote } from "@/parts/loading-note";
import { Section } from "@/parts/page";
import { ProblemNote } from "@/parts/problem-note";
import type { Problem } from "@/store/types";
import type { Token } from "@/api/gen";
import { AlertDialog } from "@/ui/alert-dialog";
import { Button } from "@/ui/button";
import { NewToken } from "./new-token";

export function Tokens() {
  const store = useStore();
  const asked = useQuestion("tokens", []);
  const [ending, setEnding] = useState<Token | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  // Tokens have no events: the list is what was read, with what this page did to it.
  const [made, setMade] = useState<readonly Token[]>([]);
  const [ended, setEnded] = useState<readonly string[]>([]);
  const end = async (token: Token) => {
    const done = await revokeToken(store, token.id);
    if (done.ok) setEnded((before) => [...before, token.id]);
    else setProblem(done.problem);
  };
  const read = asked.is === "ready" ? asked.data.items : [];
  const shown = [...made.filter((token) => !read.some((one) => one.id === token.id)), ...read].filter(
    (token) => !ended.includes(token.id),
  );
  return (
    <Section title={t("settings.tokens.title")} note={t("settings.tokens.note")}>
      {asked.is === "loading" ? <LoadingNote label={t("settings.tokens.loading")} rows={2} /> : null}
      {asked.is === "problem" ? <ProblemNote problem={asked.problem} onRetry={asked.again} /> : null}
      {problem === null ? null : <ProblemNote problem={problem} onDismiss={() => setProblem(null)} />}
      {asked.is === "ready" && shown.length === 0 ? (
        <p className="text-2">{t("settings.tokens.empty")}</p>
      ) : null}
      <ul className="flex flex-col">
        {shown.map((token) => (
          <li
            key={token.id}
            className="flex flex-wrap items-center gap-x-4 gap-y-1 border-b border-line py-2 last:border-0"
          >
            <span className="min-w-32 font-medium">{token.name}</span>
            <span className="text-2">{token.scope}</span>
            <span className="flex-1 text-sm text-3">{usedOf(token)}</span>
            <Button size="sm" onClick={() => setEnding(token)}>
              {t("settings.tokens.end")}
            </Button>
          </li>
        ))}
      </ul>
      <NewToken onMade={(token) => setMade((before) => [token, ...before])} />
      <AlertDialog
        open={ending !== null}
        onOpenChange={() => setEnding(null)}
        title={t("settings.tokens.end_title", { name: ending?.name ?? "" })}
        note={t("settings.tokens.end_note")}
        confirm={{ label: t("settings.tokens.end"), look: "danger" }}
        cancelLabel={t("shared.cancel")}
        onConfirm={() => ending && void end(ending)}
      />
    </Section>
  );
}

function usedOf(token: Token): string {
  const used = instant(token.last_used_at);
  const ends = instant(token.expires_at);
  const words =
    used === null ? t("settings.tokens.unused") : t("settings.tokens.used", { time: exact(used) });
  return ends === null ? words : t("settings.tokens.ends", { words, time: exact(ends) });
}
