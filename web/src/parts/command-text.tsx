/** A command exactly as it will run: nothing in it is obeyed, and what is hidden is shown and counted. */
import { t } from "@/i18n";
import { hiddenCount } from "@/lib/hidden";
import { CopyButton } from "./copy-button";
import { HiddenText } from "./hidden-text";

type CommandTextProps = {
  readonly command: string;
  /** `line` keeps to one line, for heads. */
  readonly look?: "block" | "line";
};

export function CommandText({ command, look = "block" }: CommandTextProps) {
  const hidden = hiddenCount(command, "command");
  if (look === "line") {
    return (
      <code dir="ltr" className="font-mono">
        <HiddenText text={command.replace(/\n/g, " ")} how="command" />
      </code>
    );
  }
  return (
    <figure aria-label={t("shared.command.label")} className="rounded-md border border-line bg-surface-1">
      <div className="flex items-start">
        <pre
          dir="ltr"
          tabIndex={0}
          className="focus-inset max-h-48 min-w-0 flex-1 overflow-auto rounded-md px-3 py-2 font-mono break-words whitespace-pre-wrap"
        >
          <HiddenText text={command} how="command" />
        </pre>
        <CopyButton text={command} className="m-1" />
      </div>
      {hidden > 0 && (
        <figcaption className="border-t border-line px-3 py-1 text-sm text-warn-ink">
          {t("shared.command.hidden", { count: hidden })}
        </figcaption>
      )}
    </figure>
  );
}
