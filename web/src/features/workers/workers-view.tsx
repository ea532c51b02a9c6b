/** The machines on which agents run. */
import { sameItems, useSelect } from "@/bind/store";
import { t } from "@/i18n";
import { CommandText } from "@/parts/command-text";
import { EmptyNote } from "@/parts/empty-note";
import { Page, Section } from "@/parts/page";
import type { State } from "@/store/state";
import { WorkerCard } from "./worker-card";

const workersOf = (state: State) =>
  [...state.list.workers.values()].sort((a, b) => (a.name < b.name ? -1 : 1));

export function WorkersView() {
  const workers = useSelect(workersOf, sameItems);
  return (
    <Page title={t("workers.title")} note={t("workers.note")}>
      {workers.length === 0 ? (
        <EmptyNote title={t("workers.empty.title")} note={t("workers.empty.note")} />
      ) : (
        <ul className="flex flex-col gap-3">
          {workers.map((worker) => (
            <li key={worker.name}>
              <WorkerCard worker={worker} />
            </li>
          ))}
        </ul>
      )}
      <Section title={t("workers.add.title")} note={t("workers.add.note")}>
        <CommandText command={`convene worker --server ${location.origin} --token TOKEN`} />
      </Section>
    </Page>
  );
}
