/** The agent's own answers in its own order, those that reject apart. `1…9` answer while the focus is in the card. */
import type { PermissionOption } from "@/api/gen";
import { t } from "@/i18n";
import { cx } from "@/lib/cx";
import { HiddenText } from "@/parts/hidden-text";
import { Button } from "@/ui/button";
import { Kbd } from "@/ui/kbd";
import { isRejection } from "./rejection";

type AnswerButtonsProps = {
  readonly options: readonly PermissionOption[];
  readonly state: "inert" | "ready";
  readonly onAnswer: (option: PermissionOption) => void;
};

export function AnswerButtons({ options, state, onAnswer }: AnswerButtonsProps) {
  const numbered = options.map((option, at) => ({ option, n: at + 1 }));
  const groups = [
    numbered.filter(({ option }) => !isRejection(option)),
    numbered.filter(({ option }) => isRejection(option)),
  ];
  return (
    <div
      role="group"
      aria-label={t("permission.options")}
      className="flex flex-wrap gap-x-8 gap-y-2 phone:gap-y-6"
    >
      {groups.map((group, at) => (
        <div
          key={at}
          className={cx(
            "flex flex-wrap gap-2 empty:hidden phone:w-full phone:flex-col phone:gap-3",
            at === 1 && "ml-auto phone:ml-0",
          )}
        >
          {group.map(({ option, n }) => (
            <Button
              key={option.id}
              look={option.kind === "allow_once" ? "primary" : at === 1 ? "danger" : "plain"}
              aria-disabled={state === "inert" || undefined}
              aria-keyshortcuts={n <= 9 ? String(n) : undefined}
              data-answer={n}
              onClick={() => {
                if (state === "ready") onAnswer(option);
              }}
              className="max-w-full phone:min-h-11 phone:w-full"
            >
              <span className="truncate">
                <HiddenText text={option.name} how="command" />
              </span>
              {n <= 9 && (
                <span className="phone:hidden">
                  <Kbd keys={String(n)} />
                </span>
              )}
            </Button>
          ))}
        </div>
      ))}
    </div>
  );
}
