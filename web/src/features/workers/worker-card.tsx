/** One worker: whether it is there, its seats, its agents, its sessions. */
import { useCallback } from "react";
import { PlaceLink } from "@/bind/nav";
import { useSelect } from "@/bind/store";
import { t } from "@/i18n";
import { clock, instant } from "@/i18n/format";
import { cx } from "@/lib/cx";
import type { State } from "@/store/state";
import type { Worker } from "@/store/types";

export function WorkerCard({ worker }: { readonly worker: Worker }) {
  const count = useSelect(
    useCallback(
      (state: State) => {
        let there = 0;
        for (const session of state.list.sessions.values()) if (session.worker === worker.name) there += 1;
        return there;
      },
      [worker.name],
    ),
  );
  const agents = worker.agents.filter((agent) => agent.installed).map((agent) => agent.name);
  return (
    <article className="flex flex-col gap-2 rounded-md border border-line p-3">
      <header className="flex flex-wrap items-baseline gap-x-3 gap-y-1">
        <h2 className="font-semibold">{worker.name}</h2>
        <Presence worker={worker} />
        <span className="flex-1" />
        <span className="text-sm text-3">{t("workers.version", { version: worker.version })}</span>
      </header>
      <Seats worker={worker} />
      <p className="text-2">
        {agents.length === 0 ? t("workers.no_agents") : t("workers.agents", { names: agents.join(", ") })}
      </p>
      {Object.keys(worker.labels).length === 0 ? null : (
        <p className="text-2">
          {Object.entries(worker.labels)
            .map(([name, value]) => `${name}=${value}`)
            .join(" ")}
        </p>
      )}
      {count === 0 ? null : (
        <PlaceLink place={{ to: "home", q: worker.name }} className="self-start text-accent-text underline">
          {t("workers.sessions", { count })}
        </PlaceLink>
      )}
    </article>
  );
}

function Presence({ worker }: { readonly worker: Worker }) {
  const seen = instant(worker.last_seen_at);
  return (
    <span className={cx("flex items-center gap-1.5", worker.connected ? "text-good-ink" : "text-warn-ink")}>
      <span
        aria-hidden
        className={cx("size-2 rounded-full", worker.connected ? "bg-good" : "border-2 border-warn")}
      />
      {worker.connected
        ? t("workers.connected")
        : t("workers.silent", { time: seen === null ? "" : clock(seen, Date.now()) })}
    </span>
  );
}

function Seats({ worker }: { readonly worker: Worker }) {
  const { seats, seats_taken: taken } = worker;
  return (
    <div className="flex items-center gap-3">
      <meter
        min={0}
        max={Math.max(1, seats)}
        value={taken}
        aria-label={t("workers.seats", { taken, seats })}
        className="h-2 w-40 max-w-full"
      />
      <span className="text-2">{t("workers.seats", { taken, seats })}</span>
    </div>
  );
}
