/** One of the agent's settings, as a list of its choices. Shown at once as chosen; what is refused goes back. */
import { setOption } from "@/commands/set-option";
import { useStore } from "@/bind/store";
import { t } from "@/i18n";
import { Select } from "@/ui/select";
import { tellRefusal } from "../tell-refusal";
import type { ConfigOption } from "./option-of";

type OptionSelectProps = {
  readonly session: string;
  readonly option: ConfigOption;
  readonly look?: "field" | "quiet";
  readonly id?: string;
};

export function OptionSelect({ session, option, look = "field", id }: OptionSelectProps) {
  const store = useStore();
  const value = String(option.value ?? "");
  const choices = option.choices ?? [];
  const options = choices.map((choice) => ({ id: choice.value, label: choice.name }));
  if (!choices.some((choice) => choice.value === value)) {
    options.unshift({ id: value, label: t("session.options.unknown_value", { value }) });
  }
  const change = (wanted: string) => tellRefusal(option.name, setOption(store, session, option.id, wanted));
  return (
    <Select
      {...(id === undefined ? { "aria-label": option.name } : { id })}
      title={option.name}
      look={look}
      options={options}
      value={value}
      onChange={(wanted) => void change(wanted)}
    />
  );
}
