/** What somebody chose for this browser, who may come in, and what the server's config says. */
import { t } from "@/i18n";
import { usePreference } from "@/bind/preference";
import { Page, Section } from "@/parts/page";
import type { Theme } from "@/lib/preferences";
import { RadioGroup } from "@/ui/radio-group";
import { Switch } from "@/ui/switch";
import { BrowserCopy } from "./browser-copy";
import { NotificationSwitch } from "./notification-switch";
import { Roots } from "./roots";
import { Tokens } from "./tokens";

const THEMES: readonly Theme[] = ["system", "light", "dark"];

export function SettingsView() {
  const [theme, setTheme] = usePreference("theme");
  const [letters, setLetters] = usePreference("letters");
  const [enter, setEnter] = usePreference("enter");
  return (
    <Page title={t("settings.title")} note={t("settings.note")}>
      <Section title={t("settings.look.title")}>
        <RadioGroup
          label={t("settings.look.theme")}
          look="row"
          value={theme}
          onChange={setTheme}
          options={THEMES.map((id) => ({ id, label: t(`settings.look.${id}`) }))}
        />
      </Section>
      <Section title={t("settings.notify.title")}>
        <NotificationSwitch />
      </Section>
      <Section title={t("settings.keys.title")}>
        <Switch
          label={t("settings.keys.letters")}
          note={t("settings.keys.letters_note")}
          checked={letters}
          onChange={setLetters}
        />
        <Switch
          label={t("settings.keys.newline")}
          note={t("settings.keys.newline_note")}
          checked={enter === "newline"}
          onChange={(on) => setEnter(on ? "newline" : "sends")}
        />
      </Section>
      <BrowserCopy />
      <Tokens />
      <Roots />
    </Page>
  );
}
