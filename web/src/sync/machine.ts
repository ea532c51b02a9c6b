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
/** A dial that takes longer is given up. */
const DIAL_MS = 10_000;
/** A clock that jumped so far means that the machine slept, and a socket that slept is presumed dead. */
const JUMP_MS = 30_000;
/** After so many upgrades in a row that failed while the server answers, a proxy is in the way. */
const BLOCKED_AFTER = 2;

export type Machine = {
  readonly link: Link;
  readonly over: "socket" | "sse";
  readonly tries: number;
  /** Upgrades that failed in a row although the server answers. */
  readonly blocked: number;
  readonly heard: number;
  readonly pinged: boolean;
  readonly looked: number;
};

export type Happened =
  | { readonly is: "start" }
  /** The server said hello: what was subscribed may be subscribed again. */
  | { readonly is: "hello" }
  /** The list has come to its end. */
  | { readonly is: "caught_up" }
  | { readonly is: "heard" }
  /** The connection ended. `opened`: whether it was ever open; `answers`: whether the server answers otherwise. */
  | {
      readonly is: "ended";
      readonly opened: boolean;
      readonly answers: boolean;
      readonly code: number;
      readonly reason: string;
    }
  | { readonly is: "refused"; readonly problem: Problem }
  /** The network or the tab is back, or somebody pressed "Try now". */
  | { readonly is: "woken" }
  | { readonly is: "tick" };

export type Effect =
  | { readonly do: "dial"; readonly over: "socket" | "sse" }
  | { readonly do: "hang_up" }
  | { readonly do: "ping" };

export type Stepped = { readonly machine: Machine; readonly effects: readonly Effect[] };

export function newMachine(now: number): Machine {
  return {
    link: { is: "closed" },
    over: "socket",
    tries: 0,
    blocked: 0,
    heard: now,
    pinged: false,
    looked: now,
  };
}

export function step(machine: Machine, happened: Happened, now: number, chance: number): Stepped {
  const looked = { ...machine, looked: now };
  switch (happened.is) {
    case "start":
      return dial(looked, now);
    case "hello":
      return still({
        ...looked,
        link: { is: "catching_up", since: now },
        heard: now,
        pinged: false,
        blocked: 0,
      });
    case "caught_up": {
      if (looked.link.is !== "catching_up") return still({ ...looked, heard: now });
      const link: Link = { is: "live", since: now, over: looked.over, caught_up: 0 };
      return still({ ...looked, link, heard: now, tries: 0 });
    }
    case "heard":
      return still({ ...looked, heard: now, pinged: false });
    case "ended":
      return ended(looked, happened, now, chance);
    case "refused":
      return {
        machine: { ...looked, link: { is: "refused", problem: happened.problem } },
        effects: [{ do: "hang_up" }],
      };
    case "woken":
      return woken(looked, now);
    case "tick":
      return tick(machine, now, chance);
  }
}

/** When the machine wants to be looked at again, at the latest; `null` if nothing is due. */
export function due(machine: Machine): number | null {
  switch (machine.link.is) {
    case "closed":
    case "refused":
      return null;
    case "connecting":
      return machine.link.since + DIAL_MS;
    case "waiting":
      return machine.link.retry_at;
    case "catching_up":
    case "live":
      return machine.heard + SILENT_MS + (machine.pinged ? DEAD_MS : 0);
  }
}

function still(machine: Machine): Stepped {
  return { machine, effects: [] };
}

function dial(machine: Machine, now: number): Stepped {
  const link: Link = { is: "connecting", since: now, tries: machine.tries };
  return {
    machine: { ...machine, link, heard: now, pinged: false },
    effects: [{ do: "dial", over: machine.over }],
  };
}

function ended(machine: Machine, how: Happened & { is: "ended" }, now: number, chance: number): Stepped {
  if (machine.link.is === "refused" || machine.link.is === "closed") return still(machine);
  const blocked = !how.opened && how.answers ? machine.blocked + 1 : 0;
  if (machine.over === "socket" && blocked >= BLOCKED_AFTER) {
    return dial({ ...machine, over: "sse", blocked: 0, tries: 0 }, now);
  }
  // The server let go of a slow reader, or of everybody: it is there, and the cursor knows where to go on.
  if (how.opened && how.reason.startsWith("lagged")) return dial({ ...machine, blocked }, now);
  const link: Link = {
    is: "waiting",
    since: machine.link.is === "waiting" ? machine.link.since : brokenSince(machine.link, now),
    retry_at: now + backoff(machine.tries, chance),
    tries: machine.tries + 1,
    why: how.reason,
  };
  return still({ ...machine, link, blocked, tries: machine.tries + 1 });
}

/** Since when nothing came: a try that failed is part of the same break. */
function brokenSince(link: Link, now: number): number {
  return link.is === "connecting" && link.tries > 0 ? link.since : now;
}

function woken(machine: Machine, now: number): Stepped {
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
      return {
        machine: { ...machine, pinged: true, heard: Math.min(machine.heard, now - SILENT_MS) },
        effects: [{ do: "ping" }],
      };
  }
}

function tick(machine: Machine, now: number, chance: number): Stepped {
  const slept = now - machine.looked > JUMP_MS;
  const looked = { ...machine, looked: now };
  switch (looked.link.is) {
    case "closed":
    case "refused":
      return still(looked);
    case "waiting":
      return slept || now >= looked.link.retry_at ? dial(looked, now) : still(looked);
    case "connecting":
      if (now < looked.link.since + DIAL_MS) return still(looked);
      return gone(looked, "no answer", now, chance);
    case "catching_up":
    case "live": {
      if (slept) return redial(looked, now);
      const silent = now - looked.heard;
      if (looked.pinged && silent >= SILENT_MS + DEAD_MS) return redial(looked, now);
      if (!looked.pinged && silent >= SILENT_MS) {
        return { machine: { ...looked, pinged: true }, effects: [{ do: "ping" }] };
      }
      return still(looked);
    }
  }
}

function redial(machine: Machine, now: number): Stepped {
  const next = dial(machine, now);
  return { machine: next.machine, effects: [{ do: "hang_up" }, ...next.effects] };
}

function gone(machine: Machine, reason: string, now: number, chance: number): Stepped {
  const how = { is: "ended", opened: false, answers: false, code: 0, reason } as const;
  const next = ended(machine, how, now, chance);
  return { machine: next.machine, effects: [{ do: "hang_up" }, ...next.effects] };
}
