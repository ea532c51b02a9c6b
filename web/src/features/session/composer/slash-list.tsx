/** The agent's own commands that begin as what was typed. The field keeps the focus. */
import { t } from "@/i18n";
import { cx } from "@/lib/cx";
import { HiddenText } from "@/parts/hidden-text";
import type { Command } from "./slash";

type SlashListProps = {
  readonly id: string;
  readonly commands: readonly Command[];
  readonly at: number;
  readonly onPick: (name: string) => void;
};

export function SlashList({ id, commands, at, onPick }: SlashListProps) {
  return (
    <ul
      id={id}
      role="listbox"
      aria-label={t("composer.commands")}
      className="animate-in absolute bottom-full left-0 z-20 mb-1 max-h-64 w-full max-w-xl overflow-y-auto rounded-md border border-line bg-surface-0 p-1"
    >
      {commands.map(({ name, description }, index) => (
        <li
          key={name}
          id={`${id}-${index}`}
          role="option"
          aria-selected={index === at}
          onPointerDown={(event) => event.preventDefault()}
          onClick={() => onPick(name)}
          className={cx(
            "flex min-h-7 items-baseline gap-3 rounded-sm px-2 py-1 hover:bg-surface-2 touch:min-h-11 touch:items-center",
            index === at && "bg-surface-2",
          )}
        >
          <span className="shrink-0 font-mono">
            <HiddenText text={`/${name}`} />
          </span>
          <span className="min-w-0 truncate text-sm text-3">
            <HiddenText text={description ?? ""} />
          </span>
        </li>
      ))}
    </ul>
  );
}
