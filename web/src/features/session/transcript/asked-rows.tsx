/** What the agent asked and what was answered, by whom: a record. The cards over the composer are where one answers. */
import { memo } from "react";
import { t } from "@/i18n";
import { HiddenText } from "@/parts/hidden-text";
import type { ItemOf } from "@/store/items";
import { Icon, type IconName } from "@/ui/icon";
import { objectOf } from "./tool-words";

type PermissionRowProps = { readonly item: ItemOf<"permission">; readonly cwd: string };

export const PermissionRow = memo(function PermissionRow({ item, cwd }: PermissionRowProps) {
  const { asked, decided } = item;
  const title = objectOf(asked.tool_call, cwd).text;
  return (
    <Line icon="lock" tone={decided === null ? "open" : "over"}>
      <HiddenText text={t("transcript.permission.asked", { title })} how="command" />
      <span className={decided === null ? "text-attention-ink" : "text-3"}>
        {decided === null ? t("transcript.permission.open") : <HiddenText text={decision(item)} />}
      </span>
      {decided?.message !== undefined && decided.message !== "" && (
        <span className="text-3">
          <HiddenText text={t("transcript.permission.said", { message: decided.message })} />
        </span>
      )}
    </Line>
  );
});

export function decision({ asked, decided }: ItemOf<"permission">): string {
  if (decided === null) return t("transcript.permission.open");
  const by = whom(decided.by);
  if (decided.decision !== "other") return t(`transcript.permission.${decided.decision}`, { by });
  const option = asked.options.find((one) => one.id === decided.option_id)?.name ?? decided.option_id ?? "";
  return t("transcript.permission.other", { option, by });
}

function whom(by: string): string {
  switch (by) {
    case "policy":
      return t("transcript.permission.by_policy");
    case "timeout":
      return t("transcript.permission.by_timeout");
    case "cancel":
      return t("transcript.permission.by_cancel");
    case "crash":
      return t("transcript.permission.by_crash");
    default:
      return by;
  }
}

export const QuestionRow = memo(function QuestionRow({ item }: { readonly item: ItemOf<"question"> }) {
  const { asked, answered } = item;
  return (
    <Line icon="question" tone={answered === null ? "open" : "over"}>
      <HiddenText text={t("transcript.question.asked", { message: asked.message })} />
      <span className={answered === null ? "text-attention-ink" : "text-3"}>{answer(item)}</span>
    </Line>
  );
});

function answer({ answered }: ItemOf<"question">): string {
  if (answered === null) return t("transcript.question.open");
  const by = whom(answered.by);
  switch (answered.action) {
    case "accept":
      return t("transcript.question.accept", { by });
    case "decline":
      return t("transcript.question.decline", { by });
    default:
      return t("transcript.question.cancel", { by });
  }
}

type LineProps = {
  readonly icon: IconName;
  readonly tone: "open" | "over";
  readonly children: React.ReactNode;
};

function Line({ icon, tone, children }: LineProps) {
  return (
    <div className="flex min-h-7 items-start gap-1.5 px-1 py-1 text-2">
      <span className={tone === "open" ? "mt-0.5 ml-[18px] text-attention" : "mt-0.5 ml-[18px]"}>
        <Icon name={icon} />
      </span>
      <p className="flex min-w-0 flex-wrap gap-x-2 break-words">{children}</p>
    </div>
  );
}
