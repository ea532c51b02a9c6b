/** Over the list: what to look for, which section, how it is grouped and ordered. */
import { useLayoutEffect, useRef, useState } from "react";
import { useActions } from "@/bind/actions";
import { t } from "@/i18n";
import { number } from "@/i18n/format";
import { cx } from "@/lib/cx";
import { sections, type Home, type HomeView, type Section } from "@/store/select";
import { Select } from "@/ui/select";
import { TextField } from "@/ui/text-field";

type HomeBarProps = {
  readonly view: HomeView;
  readonly counts: Home["counts"];
  readonly onChange: (part: Partial<HomeView>) => void;
};

export function HomeBar({ view, counts, onChange }: HomeBarProps) {
  const field = useRef<HTMLInputElement>(null);
  const [text, write] = useOwnText(view.q, (q) => onChange({ q }));
  const group = t("home.keys");
  useActions([
    { id: "home.filter", name: t("home.filter"), group, keys: ["/"], perform: () => field.current?.focus() },
  ]);
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-2 border-b border-line px-3 py-2">
      <div className="w-72 phone:w-full">
        <TextField
          ref={field}
          type="search"
          value={text}
          onChange={write}
          onKeyDown={(event) => {
            if (event.key !== "Escape" || event.nativeEvent.isComposing) return;
            write("");
            event.currentTarget.blur();
          }}
          aria-label={t("home.filter")}
          placeholder={t("home.filter_hint")}
        />
      </div>
      <div
        role="group"
        aria-label={t("home.sections")}
        className="flex gap-0.5 phone:-mx-3 phone:w-screen phone:overflow-x-auto phone:px-3"
      >
        {sections.map((section) => (
          <SectionButton
            key={section}
            section={section}
            count={counts[section]}
            pressed={view.section === section}
            onPress={() => onChange({ section: view.section === section ? null : section })}
          />
        ))}
      </div>
      <span className="flex-1 phone:hidden" />
      <Select
        look="quiet"
        aria-label={t("home.group.label")}
        value={view.group}
        onChange={(by) => onChange({ group: by })}
        options={[
          { id: "none", label: t("home.group.none") },
          { id: "thread", label: t("home.group.thread") },
          { id: "project", label: t("home.group.project") },
        ]}
      />
      <Select
        look="quiet"
        aria-label={t("home.sort.label")}
        value={view.sort}
        onChange={(sort) => onChange({ sort })}
        options={[
          { id: "prompt", label: t("home.sort.prompt") },
          { id: "activity", label: t("home.sort.activity") },
        ]}
      />
    </div>
  );
}

/**
 * The text of a field that the address knows, too. The address has it a moment later: a field that showed the address would be set back
 * between two letters, with its caret at the end. What the address says by itself is taken.
 */
function useOwnText(told: string, tell: (text: string) => void): readonly [string, (text: string) => void] {
  const [text, setText] = useState(told);
  /** What was written and did not come back yet, oldest first. */
  const out = useRef<readonly string[]>([]);
  useLayoutEffect(() => {
    const at = out.current.lastIndexOf(told);
    out.current = at === -1 ? [] : out.current.slice(at + 1);
    if (at === -1) setText(told);
  }, [told]);
  const write = (next: string) => {
    setText(next);
    out.current = next === told ? [] : [...out.current, next];
    tell(next);
  };
  return [text, write];
}

type SectionButtonProps = {
  readonly section: Section;
  readonly count: number;
  readonly pressed: boolean;
  readonly onPress: () => void;
};

function SectionButton({ section, count, pressed, onPress }: SectionButtonProps) {
  return (
    <button
      type="button"
      aria-pressed={pressed}
      onClick={onPress}
      className={cx(
        "tap shrink-0 rounded-md px-2 py-1 whitespace-nowrap hover:bg-surface-2",
        pressed ? "bg-surface-3 text-1" : "text-2",
        section === "needs_you" && count > 0 && "font-medium text-attention-ink",
      )}
    >
      {t(`home.section.${section}`)} <span className="text-3">{number(count)}</span>
    </button>
  );
}
