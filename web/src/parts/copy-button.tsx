/** Copies a text. `text` may be a function, for what is costly to put together. */
import { t } from "@/i18n";
import { Button } from "@/ui/button";
import { IconButton } from "@/ui/icon-button";
import { useCopy } from "./use-copy";

type CopyButtonProps = {
  readonly text: string | (() => string);
  /** Says what is copied: "Copy code". */
  readonly label?: string;
  readonly look?: "icon" | "word";
  readonly size?: "sm" | "md";
  readonly className?: string;
};

export function CopyButton({
  text,
  label = t("shared.copy"),
  look = "icon",
  size = "sm",
  className,
}: CopyButtonProps) {
  const { copied, copy } = useCopy();
  const onClick = () => copy(typeof text === "function" ? text() : text);
  if (look === "word") {
    return (
      <Button
        size={size}
        look="quiet"
        icon={copied ? "check" : "copy"}
        onClick={onClick}
        className={className}
      >
        {copied ? t("shared.copied") : label}
      </Button>
    );
  }
  return (
    <IconButton
      icon={copied ? "check" : "copy"}
      label={copied ? t("shared.copied") : label}
      size={size}
      onClick={onClick}
      className={className}
    />
  );
}
