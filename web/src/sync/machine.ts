/**
 * The connection, without a connection: what happened and the time come in, what to do comes out. Never gives up; only a
 * refused sign-in stops it. Times are milliseconds of a clock that goes on while the machine sleeps.
 */
import type { Link } from "@/store/state";
import type { Problem } from "@/store/types";
import { backoff } from "./backoff";

/** After so long without a word the server is asked, and so much later it is presumed gone. */
const SILENT_MS = 20_000;
const DEAD_MS = 10_000;
/** The same for somebody who came back to the page and looks at it. */
const WOKEN_DEAD_MS = 2_000;
/** A dial that takes longer is given up. */
const DIAL_MS = 10_000;
/** A clock that jumped so far means that the machine slept, and a socket that slept is presumed dead. */
const JUMP_MS = 30_000;
/** After so many upgrades in a row that failed while the server answers, a proxy is in the way. */
const BLOCKED_AFTER = 2;
/** A connection that lived so long was a good one: the next break begins with the shortest wait. */
const STEADY_MS = 5_000;

export type Machine = {
  readonly link: Link;
  readonly over: "socket" | "sse";
  readonly tries: number;
  /** Whether it was live before. */
  readonly been: boolean;
  /** Upgrades that failed in a row although the server answers. */
  readonly blocked: number;
  readonly dialed: number;
  readonly heard: number;
  /** When the server was asked whether it is there, and by when it has to answer. */
  readonly asked: { readonly at: number; readonly until: number } | null;
  readonly looked: number;
};

export type Happened =
  | { readonly is: "start" }
  /** Somebody signed out: nothing is to be had any more. */
  | { readonly is: "stop" }
  /** The server said hello: what was subscribed may be subscribed again. */
  | { readonly is: "hello" }
  /** Everything that was subscribed has come to its end; `count` is how much that was. */
  | { readonly is: "caught_up"; readonly count: number }
  | { readonly is: "heard" }
  /** The connection ended. `opened`: whether it was ever open; `answers`: whether the server answers otherwise. */
  | {
      readonly is: "ended";
      readonly opened: boolean;
      readonly answers: boolean;
      readonly reason: string;
    }
  | { readonly is: "refused"; readonly problem: Problem }
  /** The network or the tab is back, or somebody pressed "Try now". */
  | { readonly is: "woken" }
  /** Time passed. A hidden tab's timers are late without that it slept. */
  | { readonly is: "tick"; readonly hidden: boolean };

export type Effect =
  | { readonly do: "dial"; readonly over: "socket" | "sse" }
  | { readonly do: "hang_up" }
  | { readonly do: "ping" }
  /** The dial took too long: let go of it, and find out why it did. */
  | { readonly do: "look_why" };

export type Stepped = { readonly machine: Machine; readonly effects: readonly Effect[] };

export function newMachine(now: number): Machine {
  return {
    link: { is: "closed" },
    over: "socket",
    tries: 0,
    been: false,
    blocked: 0,
    dialed: now,
    heard: now,
    asked: null,
    looked: now,
  };
}

export function step(machine: Machine, happened: Happened, now: number, chance: number): Stepped {
  const slept = now - machine.looked > JUMP_MS;
  const looked = { ...notAhead(machine, now), looked: now };
  switch (happened.is) {
    case "start":
      return dial({ ...looked, tries: 0, blocked: 0, over: "socket" }, now);
    case "stop":
      return { machine: { ...looked, link: { is: "closed" } }, effects: [{ do: "hang_up" }] };
    case "hello":
      if (looked.link.is !== "connecting") return still(looked);
      return still({
        ...heard(looked, now),
        link: { is: "catching_up", since: looked.link.since },
        blocked: 0,
      });
    case "caught_up": {
      if (looked.link.is !== "catching_up") return still(heard(looked, now));
      const away = looked.been || looked.tries > 0 ? { away: now - looked.link.since } : {};
      const link: Link = { is: "live", since: now, over: looked.over, caught_up: happened.count, ...away };
      return still({ ...heard(looked, now), link, been: true });
    }
    case "heard":
      // What was on its way when the machine went to sleep says nothing about now.
      return slept && isOpen(looked.link) ? ask(looked, now, DEAD_MS) : still(heard(looked, now));
    case "ended":
      return ended(looked, happened, now, chance);
    case "refused":
      return {
        machine: { ...looked, link: { is: "refused", problem: happened.problem } },
        effects: [{ do: "hang_up" }],
      };
    case "woken":
      return woken(looked, now, slept);
    case "tick":
      return tick(looked, now, chance, slept && !happened.hidden);
  }
}

/** When the machine wants to be looked at again, at the latest; `null` if nothing is due. */
export function due(machine: Machine): number | null {
  switch (machine.link.is) {
    case "closed":
    case "refused":
      return null;
    case "connecting":
      return machine.asked?.until ?? machine.dialed + DIAL_MS;
    case "waiting":
      return machine.link.retry_at;
    case "catching_up":
    case "live":
      return machine.asked?.until ?? machine.heard + SILENT_MS;
  }
}

function still(machine: Machine): Stepped {
  return { machine, effects: [] };
}

function heard(machine: Machine, now: number): Machine {
  return { ...machine, heard: now, asked: null };
}

function isOpen(link: Link): boolean {
  return link.is === "live" || link.is === "catching_up";
}

/** A clock that was put back: nothing lies in the future but the next try, and that not far. */
function notAhead(machine: Machine, now: number): Machine {
  if (now >= machine.looked) return machine;
  const { link, heard: last, dialed, asked } = machine;
  const early: Link =
    link.is === "waiting" ? { ...link, retry_at: Math.min(link.retry_at, now + JUMP_MS) } : link;
  return {
    ...machine,
    link: "since" in early ? { ...early, since: Math.min(early.since, now) } : early,
    heard: Math.min(last, now),
    dialed: Math.min(dialed, now),
    asked: asked && { at: now, until: Math.min(asked.until, now + DEAD_MS) },
  };
}

function ask(machine: Machine, now: number, patience: number): Stepped {
  const until = Math.min(machine.asked?.until ?? Infinity, now + patience);
  return { machine: { ...machine, asked: { at: now, until } }, effects: [{ do: "ping" }] };
}

function dial(machine: Machine, now: number): Stepped {
  const link: Link = { is: "connecting", since: brokenSince(machine.link, now), tries: machine.tries };
  return {
    machine: { ...machine, link, dialed: now, heard: now, asked: null },
    effects: [{ do: "dial", over: machine.over }],
  };
}

/** Since when nothing came: tries that failed are part of the same break. */
function brokenSince(link: Link, now: number): number {
  return link.is === "waiting" || link.is === "connecting" || link.is === "catching_up" ? link.since : now;
}

function ended(machine: Machine, how: Happened & { is: "ended" }, now: number, chance: number): Stepped {
  const { link, over } = machine;
  if (link.is === "refused" || link.is === "closed" || link.is === "waiting") return still(machine);
  if (over === "socket") {
    const blocked = !how.opened && how.answers ? machine.blocked + 1 : 0;
    if (blocked >= BLOCKED_AFTER) return dial({ ...machine, over: "sse", blocked: 0 }, now);
    return broken({ ...machine, blocked }, how, now, chance);
  }
  // The next network may have no such proxy: the socket is tried again, but not twice.
  return broken(
    { ...machine, over: "socket", blocked: how.opened ? BLOCKED_AFTER - 1 : 0 },
    how,
    now,
    chance,
  );
}

function broken(machine: Machine, how: Happened & { is: "ended" }, now: number, chance: number): Stepped {
  const { link } = machine;
  const tries = link.is === "live" && now - link.since >= STEADY_MS ? 0 : machine.tries;
  // The server let go of a slow reader: it is there, and the cursor knows where to go on.
  if (how.opened && how.reason.startsWith("lagged")) return dial({ ...machine, tries }, now);
  const waiting: Link = {
    is: "waiting",
    since: brokenSince(link, now),
    retry_at: now + backoff(tries, chance),
    tries: tries + 1,
    why: how.reason,
  };
  return still({ ...machine, link: waiting, tries: tries + 1, asked: null });
}

function woken(machine: Machine, now: number, slept: boolean): Stepped {
  switch (machine.link.is) {
    case "closed":
    case "refused":
    case "connecting":
      return still(machine);
    case "waiting":
      return dial(machine, now);
    case "catching_up":
    case "live":
      // It may have slept without knowing: ask, and believe only an answer.
      return slept ? redial(machine, now) : ask(machine, now, WOKEN_DEAD_MS);
  }
}

function tick(machine: Machine, now: number, chance: number, slept: boolean): Stepped {
  switch (machine.link.is) {
    case "closed":
    case "refused":
      return still(machine);
    case "waiting":
      return slept || now >= machine.link.retry_at ? dial(machine, now) : still(machine);
    case "connecting":
      if (machine.asked && now >= machine.asked.until) {
        return ended(
          machine,
          { is: "ended", opened: false, answers: false, reason: "no_answer" },
          now,
          chance,
        );
      }
      if (machine.asked || now < machine.dialed + DIAL_MS) return still(machine);
      return {
        machine: { ...machine, asked: { at: now, until: now + DIAL_MS } },
        effects: [{ do: "look_why" }],
      };
    case "catching_up":
    case "live":
      if (slept || (machine.asked && now >= machine.asked.until)) return redial(machine, now);
      return !machine.asked && now - machine.heard >= SILENT_MS ? ask(machine, now, DEAD_MS) : still(machine);
  }
}

/** One that was open is presumed dead: nothing was tried in vain yet, and this may be a break of a moment. */
function redial(machine: Machine, now: number): Stepped {
  const next = dial({ ...machine, tries: 0 }, now);
  return { machine: next.machine, effects: [{ do: "hang_up" }, ...next.effects] };
}
