/** What was heard last and why it ended, for whoever looks for the cause. */

const HEARD_MAX = 20;
const BREAKS_MAX = 20;
/** A message is kept so far. */
const LENGTH_MAX = 4_000;

export type Break = { readonly at: number; readonly why: string; readonly detail: string };

export type Breaks = {
  readonly heard: (text: string) => void;
  readonly recent: () => readonly string[];
  readonly add: (why: string, detail: string) => void;
  readonly all: () => readonly Break[];
};

export function newBreaks(): Breaks {
  let recent: readonly string[] = [];
  let all: readonly Break[] = [];
  return {
    heard: (text) => {
      recent = [...recent.slice(1 - HEARD_MAX), text.slice(0, LENGTH_MAX)];
    },
    recent: () => recent,
    add: (why, detail) => {
      all = [...all.slice(1 - BREAKS_MAX), { at: Date.now(), why, detail: detail.slice(0, LENGTH_MAX) }];
    },
    all: () => all,
  };
}
