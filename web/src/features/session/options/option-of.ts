/** The agent's settings by what they are for: its model, its mode, and the rest. */
import type { Session } from "@/store/types";

export type ConfigOption = Session["config_options"][number];

export type OptionShown = {
  readonly option: ConfigOption;
  /** What people read for its value. */
  readonly label: string;
};

export function optionOf(session: Session, category: "model" | "mode"): OptionShown | null {
  const option = session.config_options.find((one) => one.category === category || one.id === category);
  if (option === undefined) return null;
  const value = String(option.value ?? "");
  if (value === "") return null;
  return { option, label: choiceName(option, value) };
}

export function choiceName(option: ConfigOption, value: string): string {
  return option.choices?.find((choice) => choice.value === value)?.name ?? value;
}

/** What `setOption` wants to hear: model and mode go by names of their own where the agent has them that way. */
export function isSwitch(option: ConfigOption): boolean {
  return typeof option.value === "boolean";
}
