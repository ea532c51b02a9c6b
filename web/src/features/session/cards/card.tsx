/** The frame of what a person is asked. It never takes the focus; keys in it belong to it. */
import { useRef, type KeyboardEvent, type ReactNode } from "react";
import { t } from "@/i18n";
import { IconButton } from "@/ui/icon-button";
import { Icon, type IconName } from "@/ui/icon";

export type Walk = {
  readonly n: number;
  readonly count: number;
  readonly to: (by: 1 | -1) => void;
};

type CardProps = {
  readonly icon: IconName;
  readonly title: ReactNode;
  readonly label: string;
  readonly walk: Walk;
  readonly children: ReactNode;
};

export function Card({ icon, title, label, walk, children }: CardProps) {
  const ref = useRef<HTMLElement>(null);
  const onKeyDown = (event: KeyboardEvent) => {
    const typing = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement;
    if (typing || event.ctrlKey || event.metaKey || event.altKey || event.nativeEvent.isComposing) return;
    if (walk.count > 1 && (event.key === "ArrowRight" || event.key === "ArrowLeft")) {
      event.preventDefault();
      walk.to(event.key === "ArrowRight" ? 1 : -1);
      return;
    }
    if (!/^[1-9]$/.test(event.key)) return;
    const answer = ref.current?.querySelector<HTMLElement>(`[data-answer="${event.key}"]`);
    if (!answer) return;
    // The same keys show tabs elsewhere.
    event.preventDefault();
    event.stopPropagation();
    event.nativeEvent.stopImmediatePropagation();
    if (!event.repeat) answer.click();
  };
  return (
    <section
      ref={ref}
      tabIndex={-1}
      data-card=""
      aria-label={label}
      onKeyDown={onKeyDown}
      className="animate-in flex max-h-[55dvh] flex-col gap-2 overflow-y-auto rounded-md border border-attention bg-attention-tint px-3 py-2 outline-offset-0"
    >
      <header className="flex items-start gap-2">
        <Icon name={icon} className="mt-0.5 text-attention-ink" />
        <div className="min-w-0 flex-1">{title}</div>
        {walk.count > 1 && (
          <div className="flex shrink-0 items-center gap-1 text-sm text-2">
            <IconButton icon="left" size="sm" label={t("permission.previous")} onClick={() => walk.to(-1)} />
            {t("permission.of", { n: walk.n, count: walk.count })}
            <IconButton icon="right" size="sm" label={t("permission.next")} onClick={() => walk.to(1)} />
          </div>
        )}
      </header>
      {children}
    </section>
  );
}
