/** What an agent said of itself the last time that it ran; never what a list says of it. */
import type { AgentAnnounced, ConfigOption } from "@/api/gen";
import { t } from "@/i18n";

export function Announced({ announced }: { readonly announced: AgentAnnounced | null }) {
  if (announced === null) return <p className="mt-2 text-2">{t("agents.announced.never")}</p>;
  const can = abilities(announced.capabilities);
  return (
    <dl className="mt-2 grid grid-cols-[auto_1fr] gap-x-4 gap-y-1">
      {announced.config_options.map((option) => (
        <Fact key={option.id} name={option.name} value={choicesOf(option)} />
      ))}
      {announced.auth_methods.length === 0 ? null : (
        <Fact
          name={t("agents.announced.sign_in")}
          value={announced.auth_methods.map((method) => method.name).join(", ")}
        />
      )}
      <Fact name={t("agents.announced.can")} value={can.length === 0 ? t("shared.none") : can.join(", ")} />
      <Fact name={t("agents.announced.protocol")} value={String(announced.protocol_version)} />
    </dl>
  );
}

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <>
      <dt className="text-3">{name}</dt>
      <dd className="min-w-0 break-words">{value}</dd>
    </>
  );
}

function choicesOf(option: ConfigOption): string {
  const names = (option.choices ?? []).map((choice) => choice.name ?? choice.value);
  return names.length === 0 ? String(option.value) : names.join(", ");
}

/** The names of what it can do, from wherever in the tree they are true or present. */
function abilities(tree: Readonly<Record<string, unknown>>, path = ""): string[] {
  return Object.entries(tree).flatMap(([name, value]) => {
    const here = path === "" ? name : `${path}.${name}`;
    if (value === true) return [here];
    if (typeof value !== "object" || value === null) return [];
    const inner = abilities(Object.fromEntries(Object.entries(value)), here);
    return inner.length === 0 && Object.keys(value).length === 0 ? [here] : inner;
  });
}
