/** All that a person is asked now, one card at a time, and what became of those that went without this page's doing. */
import { useEffect, useRef, useState } from "react";
import { useActions } from "@/bind/actions";
import { t } from "@/i18n";
import { announce } from "@/lib/announcements";
import type { Session } from "@/store/types";
import { objectOf } from "../transcript/tool-words";
import type { Walk } from "./card";
import { Gone } from "./gone";
import { PermissionCard } from "./permission-card";
import { QuestionCard } from "./question-card";
import { SignInCard } from "./sign-in-card";

type CardsProps = { readonly session: Session; readonly keys: "on" | "off" };

type Asked =
  | { readonly is: "sign_in"; readonly id: "sign_in" }
  | { readonly is: "permission"; readonly id: string; readonly asked: Session["pending_permissions"][number] }
  | { readonly is: "question"; readonly id: string; readonly asked: Session["pending_elicitations"][number] };

export function Cards({ session, keys }: CardsProps) {
  const box = useRef<HTMLDivElement>(null);
  const [chosen, choose] = useState<string | null>(null);
  const [answered] = useState(() => new Set<string>());
  const all = askedOf(session);
  const at = Math.max(
    0,
    all.findIndex((one) => one.id === chosen),
  );
  const card = all[at];
  useNews(session, all);
  useActions(
    keys === "off" || all.length === 0
      ? []
      : [
          {
            id: "permission.focus",
            name: t("permission.key"),
            group: t("session.action.group"),
            keys: ["p"],
            perform: () => box.current?.querySelector<HTMLElement>("[data-card]")?.focus(),
          },
        ],
  );
  const walk: Walk = {
    n: at + 1,
    count: all.length,
    to: (by) => choose(all[(at + by + all.length) % all.length]?.id ?? null),
  };
  const onAnswered = (request: string) => {
    answered.add(request);
    // The focus stays with the cards as long as there are any, and goes nowhere by itself.
    if (box.current?.contains(document.activeElement)) box.current.focus({ preventScroll: true });
  };
  return (
    <div
      ref={box}
      tabIndex={-1}
      role="region"
      aria-label={t("permission.region")}
      className="flex flex-col gap-1.5 outline-none empty:hidden"
    >
      <Gone session={session} open={all.map((one) => one.id)} answered={answered} />
      {card?.is === "sign_in" && <SignInCard session={session} walk={walk} />}
      {card?.is === "permission" && (
        <PermissionCard
          key={card.id}
          session={session}
          asked={card.asked}
          walk={walk}
          onAnswered={onAnswered}
        />
      )}
      {card?.is === "question" && (
        <QuestionCard
          key={card.id}
          session={session}
          asked={card.asked}
          walk={walk}
          onAnswered={onAnswered}
        />
      )}
    </div>
  );
}

function askedOf(session: Session): readonly Asked[] {
  const signIn: Asked[] = session.badge === "waiting-for-auth" ? [{ is: "sign_in", id: "sign_in" }] : [];
  return [
    ...signIn,
    ...session.pending_permissions.map((asked): Asked => ({ is: "permission", id: asked.request, asked })),
    ...session.pending_elicitations.map((asked): Asked => ({ is: "question", id: asked.request, asked })),
  ];
}

/** Each question is said once, at once. */
function useNews(session: Session, all: readonly Asked[]): void {
  const said = useRef(new Set<string>());
  useEffect(() => {
    for (const one of all) {
      if (said.current.has(one.id)) continue;
      said.current.add(one.id);
      announce(newsOf(session, one), "assertive");
    }
    if (!all.some((one) => one.id === "sign_in")) said.current.delete("sign_in");
  });
}

function newsOf(session: Session, one: Asked): string {
  switch (one.is) {
    case "sign_in":
      return t("permission.announce_sign_in", { agent: session.agent });
    case "permission":
      return t("permission.announce", { title: objectOf(one.asked.tool_call, session.cwd).text });
    case "question":
      return t("permission.announce_question", { message: one.asked.message });
  }
}
