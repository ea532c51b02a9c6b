/** Mode and model at the composer, as the agent offers them. */
import type { Session } from "@/store/types";
import { OptionSelect } from "../options/option-select";
import { optionOf } from "../options/option-of";

export function Pickers({ session }: { readonly session: Session }) {
  const mode = optionOf(session, "mode");
  const model = optionOf(session, "model");
  const shown = [mode, model].flatMap((one) => (one === null ? [] : [one.option]));
  if (shown.length === 0) return null;
  return (
    <div className="flex min-w-0 items-center text-sm">
      {shown.map((option) => (
        <span key={option.id} className="max-w-36 min-w-0 phone:max-w-32">
          <OptionSelect session={session.id} option={option} look="quiet" />
        </span>
      ))}
    </div>
  );
}
