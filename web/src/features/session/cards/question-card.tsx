/** A question of the agent: its form, or a page that it wants to be opened. */
import { useMemo, useState, type FormEvent } from "react";
import { answerElicitation } from "@/commands/answer-elicitation";
import type { ElicitationAction } from "@/api/gen";
import { useStore } from "@/bind/store";
import { t } from "@/i18n";
import { HiddenText } from "@/parts/hidden-text";
import { Link } from "@/parts/markdown/link";
import type { Session } from "@/store/types";
import { Button } from "@/ui/button";
import { Card, type Walk } from "./card";
import { answerOf, startOf, wrongIn, type Filled } from "./form-answer";
import { FormControl } from "./form-control";
import { fieldsOf } from "./form-schema";
import { useInert } from "./use-inert";

type QuestionCardProps = {
  readonly session: Session;
  readonly asked: Session["pending_elicitations"][number];
  readonly walk: Walk;
  readonly onAnswered: (request: string) => void;
};

export function QuestionCard({ session, asked, walk, onAnswered }: QuestionCardProps) {
  const store = useStore();
  const { request, message, params } = asked;
  const state = useInert(request);
  const fields = useMemo(() => fieldsOf(params.requestedSchema), [params]);
  const url = typeof params.url === "string" ? params.url : null;
  const [filled, setFilled] = useState<Filled>(() => startOf(fields ?? []));
  const [wrong, setWrong] = useState<Readonly<Record<string, string>>>({});
  const send = (action: ElicitationAction, content: Record<string, unknown> | null) => {
    if (state === "inert") return;
    onAnswered(request);
    void answerElicitation(store, session.id, request, { action, content });
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const found = wrongIn(fields ?? [], filled);
    setWrong(found);
    if (Object.keys(found).length === 0) send("accept", url === null ? answerOf(fields ?? [], filled) : null);
  };
  const inert = state === "inert" || undefined;
  const known = url !== null || fields !== null;
  return (
    <Card
      icon="question"
      label={t("permission.announce_question", { message })}
      walk={walk}
      title={
        <>
          <p className="font-semibold">{t("permission.question.title", { agent: session.agent })}</p>
          <p className="break-words whitespace-pre-wrap">
            <HiddenText text={message} />
          </p>
        </>
      }
    >
      <form onSubmit={submit} noValidate className="flex flex-col gap-3">
        {url !== null && (
          <p>
            {t("permission.question.url_note")} <Link href={url}>{url}</Link>
          </p>
        )}
        {url === null &&
          fields?.map((field) => (
            <FormControl
              key={field.name}
              field={field}
              value={filled[field.name]}
              error={wrong[field.name]}
              onChange={(value) => setFilled({ ...filled, [field.name]: value })}
            />
          ))}
        {!known && <p className="text-2">{t("permission.question.unknown", { id: session.short_id })}</p>}
        <div className="flex flex-wrap gap-2 phone:flex-col phone:gap-3">
          {known && (
            <Button type="submit" look="primary" aria-disabled={inert} className="phone:min-h-11">
              {url === null ? t("permission.question.send") : t("permission.question.opened")}
            </Button>
          )}
          <Button
            look="danger"
            aria-disabled={inert}
            onClick={() => send("decline", null)}
            className="ml-auto phone:ml-0 phone:min-h-11"
          >
            {t("permission.question.decline")}
          </Button>
        </div>
      </form>
    </Card>
  );
}
