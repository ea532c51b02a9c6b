/** The frame of a page of facts: a heading, what can be done, and the facts in a column that can be read. */
import type { ReactNode } from "react";

type PageProps = {
  readonly title: string;
  readonly note?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
};

export function Page({ title, note, actions, children }: PageProps) {
  return (
    <div className="min-h-0 flex-1 overflow-y-auto">
      <div className="mx-auto flex max-w-4xl flex-col gap-6 p-4 pb-16">
        <header className="flex flex-wrap items-start gap-x-4 gap-y-2">
          <div className="min-w-0 flex-1">
            <h1 className="text-xl font-semibold">{title}</h1>
            {note === undefined ? null : <p className="mt-1 max-w-prose text-pretty text-2">{note}</p>}
          </div>
          {actions}
        </header>
        {children}
      </div>
    </div>
  );
}

/** A part of such a page, under its own heading. */
export function Section({ title, note, actions, children }: PageProps) {
  return (
    <section className="flex flex-col gap-2">
      <header className="flex flex-wrap items-baseline gap-x-4 gap-y-1 border-b border-line pb-1">
        <h2 className="text-lg font-semibold">{title}</h2>
        <span className="flex-1" />
        {actions}
      </header>
      {note === undefined ? null : <p className="max-w-prose text-pretty text-2">{note}</p>}
      {children}
    </section>
  );
}
