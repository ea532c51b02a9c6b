/** What this is, what is wrong with it, and what the connection said last. */
import { useState } from "react";
import type { Finding } from "@/api/gen";
import { useQuestion } from "@/bind/questions";
import { useSelect, useSync } from "@/bind/store";
import { t } from "@/i18n";
import { duration } from "@/i18n/format";
import { cx } from "@/lib/cx";
import { CommandText } from "@/parts/command-text";
import { LoadingNote } from "@/parts/loading-note";
import { Page, Section } from "@/parts/page";
import { ProblemNote } from "@/parts/problem-note";
import type { State } from "@/store/state";
import { Button } from "@/ui/button";

const link = (state: State) => state.link;

export function AboutView() {
  return (
    <Page title={t("about.title")} note={t("about.note")}>
      <Versions />
      <Doctor />
      <Connection />
      <Section title={t("about.license.title")}>
        <p className="text-2">{t("about.license.note")}</p>
      </Section>
    </Page>
  );
}

function Versions() {
  const status = useQuestion("status", []);
  if (status.is === "loading") return <LoadingNote label={t("about.loading")} rows={2} />;
  if (status.is === "problem") return <ProblemNote problem={status.problem} onRetry={status.again} />;
  const { version, uptime_seconds: up, workers, seats, seats_taken: taken } = status.data;
  return (
    <Section title={t("about.versions.title")}>
      <dl className="grid grid-cols-[auto_1fr] gap-x-6 gap-y-1">
        <dt className="text-3">{t("about.versions.server")}</dt>
        <dd>{version}</dd>
        <dt className="text-3">{t("about.versions.up")}</dt>
        <dd>{duration(up * 1000)}</dd>
        <dt className="text-3">{t("about.versions.workers")}</dt>
        <dd>{t("about.versions.seats", { count: workers, taken, seats })}</dd>
      </dl>
    </Section>
  );
}

function Doctor() {
  const report = useQuestion("doctor", []);
  return (
    <Section
      title={t("about.doctor.title")}
      actions={
        report.is === "ready" ? (
          <Button size="sm" working={report.asking} onClick={report.again}>
            {t("about.doctor.again")}
          </Button>
        ) : null
      }
    >
      {report.is === "loading" ? <LoadingNote label={t("about.doctor.looking")} rows={3} /> : null}
      {report.is === "problem" ? <ProblemNote problem={report.problem} onRetry={report.again} /> : null}
      {report.is === "ready" ? (
        <>
          {report.data.items.length === 0 ? <p className="text-good-ink">{t("about.doctor.well")}</p> : null}
          <ul className="flex flex-col gap-3">
            {report.data.items.map((finding) => (
              <FindingRow key={`${finding.code} ${finding.summary}`} finding={finding} />
            ))}
          </ul>
          <p className="text-sm text-3">
            {t("about.doctor.fine", { names: (report.data.ok ?? []).join(", ") })}
          </p>
        </>
      ) : null}
    </Section>
  );
}

function FindingRow({ finding }: { readonly finding: Finding }) {
  const bad = finding.severity === "error";
  return (
    <li className="flex flex-col gap-1">
      <p className={cx(bad ? "text-bad-ink" : "text-warn-ink")}>
        {finding.summary} <code className="text-sm text-3">{finding.code}</code>
      </p>
      {finding.fix ? <CommandText command={finding.fix} /> : null}
    </li>
  );
}

function Connection() {
  const held = useSelect(link);
  const sync = useSync();
  const [frames, setFrames] = useState<readonly string[] | null>(null);
  return (
    <Section title={t("about.link.title")}>
      <p>{t(`about.link.${held.is}`)}</p>
      <div>
        <Button size="sm" onClick={() => setFrames([...sync.recent()])}>
          {t("about.link.show")}
        </Button>
      </div>
      {frames === null ? null : (
        <ol className="flex flex-col gap-1 font-mono text-sm">
          {frames.map((frame, at) => (
            <li key={at} className="truncate text-2">
              {frame}
            </li>
          ))}
        </ol>
      )}
    </Section>
  );
}
