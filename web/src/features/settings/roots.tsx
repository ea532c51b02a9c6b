/** Where sessions may work: read only, with the file and the key to edit. */
import { useQuestion } from "@/bind/questions";
import { t } from "@/i18n";
import { Section } from "@/parts/page";
import { Path } from "@/parts/path";
import { ProblemNote } from "@/parts/problem-note";

export function Roots() {
  const config = useQuestion("config", []);
  if (config.is === "loading") return null;
  if (config.is === "problem") return <ProblemNote problem={config.problem} onRetry={config.again} />;
  const roots = config.data.items.find((item) => item.key === "server.roots")?.value;
  return (
    <Section title={t("settings.roots.title")} note={t("settings.roots.note")}>
      <ul className="font-mono text-sm">
        {(Array.isArray(roots) ? roots : []).map((root) => (
          <li key={String(root)}>{String(root)}</li>
        ))}
      </ul>
      <p className="text-2">
        {t("settings.roots.edit")} <Path path={config.data.file} />
      </p>
    </Section>
  );
}
