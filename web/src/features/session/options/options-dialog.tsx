/** All settings of a session in one place: those that the agent offers, and what it may do without asking. */
import { setOption } from "@/commands/set-option";
import { setPermissions } from "@/commands/set-permissions";
import { useStore } from "@/bind/store";
import { t } from "@/i18n";
import type { Session } from "@/store/types";
import { Field } from "@/ui/field";
import { RadioGroup } from "@/ui/radio-group";
import { Switch } from "@/ui/switch";
import { SessionDialog } from "../session-dialog";
import { tellRefusal } from "../tell-refusal";
import { isSwitch } from "./option-of";
import { OptionSelect } from "./option-select";

type OptionsDialogProps = { readonly session: Session; readonly onClose: () => void };

const MODES = ["deny", "ask", "reads", "all"] as const;

export function OptionsDialog({ session, onClose }: OptionsDialogProps) {
  const store = useStore();
  const { id, config_options: options, effective_permissions: mode } = session;
  return (
    <SessionDialog title={t("session.options.title")} note={t("session.options.note")} onClose={onClose}>
      {options.length === 0 && <p className="text-2">{t("session.options.none")}</p>}
      {options.map((option) =>
        isSwitch(option) ? (
          <Switch
            key={option.id}
            label={option.name}
            checked={option.value === true}
            onChange={(on) => void tellRefusal(option.name, setOption(store, id, option.id, on))}
          />
        ) : (
          <Field key={option.id} label={option.name}>
            {(ties) => <OptionSelect id={ties.id} session={id} option={option} />}
          </Field>
        ),
      )}
      <div className="flex flex-col gap-1">
        <p className="font-medium">{t("session.options.permissions")}</p>
        <RadioGroup
          label={t("session.options.permissions")}
          options={MODES.map((one) => ({
            id: one,
            label: t(`session.options.${one}`),
            note: t(`session.options.${one}_note`),
          }))}
          value={mode}
          onChange={(wanted) =>
            void tellRefusal(t("session.options.permissions"), setPermissions(store, id, wanted))
          }
        />
      </div>
    </SessionDialog>
  );
}
