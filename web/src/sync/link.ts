/** Keeps the connection: drives the machine with what really happens, and carries out what the fold asks for. */
import { answer } from "@/api/client";
import { checkHealth, getStatus } from "@/api/gen";
import { UNREACHABLE } from "@/api/problem";
import { isDamaged } from "@/store/damage";
import type { Ask } from "@/store/fold";
import { LIST } from "@/store/state";
import type { Problem } from "@/store/types";
import { newBatch } from "./batch";
import { newBreaks, type Break } from "./breaks";
import { newBrowser, type Browser } from "./browser";
import { deliveries, type Control } from "./deliver";
import { newLoads } from "./loads";
import { due, newMachine, step, type Effect, type Happened } from "./machine";
import { dialSocket, type Connection, type Ended } from "./socket";
import { dialStreams } from "./sse";
import { newStore, type Store } from "./store";
import { received, type Received } from "./wire";

const FRAME_MS = 16;
/** So often a page that is seen looks whether the clock jumped: timers stand still while a machine sleeps. */
const WATCH_MS = 1_000;
const PROBE_MS = 5_000;
export type Sync = {
  readonly store: Store;
  /** Begins; sign-in is done. */
  readonly start: () => void;
  /** The person or the system says that the network is back. */
  readonly wake: () => void;
  /** Somebody signed out: nothing of this browser's copy, drafts and memory is left. */
  readonly forget: () => Promise<void>;
  /** The session that this tab shows, `null` if none: where only one can be followed, it is this one. */
  readonly look: (session: string | null) => void;
  /** The last messages, newest last, for the About page. */
  readonly recent: () => readonly string[];
  /** Why the connection broke, the last times, newest last. */
  readonly breaks: () => readonly Break[];
  /** What this browser keeps and shows. */
  readonly browser: Browser;
};

export function newSync(soon: (then: () => void) => void): Sync {
  let machine = newMachine(Date.now());
  let connection: Connection | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let begun = false;
  let count = 0;
  /** Topics of which the end is still to come before all is caught up. */
  const behind = new Set<string>();
  let view: string | null = null;
  const breaks = newBreaks();
  const store = newStore(carryOut, soon, (state, inputs) => {
    browser.note(state, loads.isWhole());
    for (const input of inputs) if (input.is === "opened" || input.is === "reader") follow(input.session);
  });
  const browser = newBrowser((input) => store.put(input));
  const loads = newLoads(store, browser, {
    isOpen: () => connection !== null,
    followList: () => subscribe(LIST, store.get().list.pos ?? 0),
    follow: subscribe,
    refused: (problem) => happen({ is: "refused", problem }),
    failed: (problem) => breaks.add(problem.code, problem.detail ?? ""),
  });
  const batch = newBatch<Received>(deliver, (then) => setTimeout(then, FRAME_MS));

  function happen(happened: Happened): void {
    const before = machine.link;
    const stepped = step(machine, happened, Date.now(), Math.random());
    machine = stepped.machine;
    if (machine.link !== before) store.put({ is: "link", link: machine.link });
    for (const effect of stepped.effects) act(effect);
    clearTimeout(timer);
    const at = due(machine);
    if (at === null) return;
    const wait = Math.min(Math.max(0, at - Date.now()) + 1, isHidden() ? Infinity : WATCH_MS);
    timer = setTimeout(() => happen({ is: "tick", hidden: isHidden() }), wait);
  }

  function act(effect: Effect): void {
    switch (effect.do) {
      case "hang_up":
        hangUp();
        break;
      case "ping":
        connection?.ping();
        break;
      case "look_why":
        hangUp();
        void lookWhy("no_answer");
        break;
      case "dial": {
        hangUp();
        const dial = effect.over === "socket" ? dialSocket : dialStreams;
        const dialed = dial({
          message: (text) => connection === dialed && hear(text),
          alive: () => connection === dialed && batch.add({ is: "pong" }),
          ended: (how) => connection === dialed && ended(how),
        });
        connection = dialed;
        break;
      }
    }
  }

  function hangUp(): void {
    const left = connection;
    connection = null;
    // What has come is taken; what it says about that connection is of no use any more.
    batch.flush();
    left?.close();
  }

  function hear(text: string): void {
    breaks.heard(text);
    const message = received(text);
    if (message === null) drop("bad_frame", text);
    else batch.add(message);
  }

  /** Lets go of a connection that is of no use as it is. */
  function drop(reason: string, detail = ""): void {
    hangUp();
    breaks.add(reason, detail);
    happen({ is: "ended", opened: true, answers: true, reason });
  }

  function ended({ opened, reason, problem }: Ended): void {
    hangUp();
    breaks.add(reason, problem?.detail ?? "");
    if (problem) happen({ is: "refused", problem });
    else if (opened) happen({ is: "ended", opened, answers: true, reason });
    else void lookWhy(reason);
  }

  /** Why an upgrade was refused is not told to a page, so the question is asked in a way that is answered. */
  async function lookWhy(reason: string): Promise<void> {
    const link = machine.link;
    const signal = AbortSignal.timeout(PROBE_MS);
    const status = await answer(getStatus({ signal }));
    const refused = !status.ok && (status.problem.status === 401 || status.problem.status === 403);
    const silent = !status.ok && status.problem.code === UNREACHABLE;
    const answers = status.ok || (!refused && !silent && (await answer(checkHealth({ signal }))).ok);
    // Meanwhile somebody else may have dialed, or given up waiting.
    if (machine.link !== link || connection !== null) return;
    if (refused) happen({ is: "refused", problem: status.problem });
    else happen({ is: "ended", opened: false, answers, reason });
  }

  function deliver(messages: Received[]): void {
    for (const { inputs, told, then } of deliveries(messages)) {
      store.put(...inputs);
      count += told;
      if (then && connection) control(then);
    }
    if (connection) happen({ is: "heard" });
  }

  function control(message: Control): void {
    switch (message.is) {
      case "hello":
        store.put({ is: "hello", epoch: message.epoch, version: message.version });
        store.put(...browser.visits.remembered(message.epoch));
        count = 0;
        happen({ is: "hello" });
        resubscribe();
        break;
      case "caught_up":
        store.put(message);
        caughtUp(message.topic);
        break;
      case "problem":
        trouble(message.topic, message.problem);
        break;
      case "pong":
        break;
    }
  }

  function trouble(topic: string | null, problem: Problem): void {
    breaks.add(problem.code, problem.detail ?? "");
    if (topic === null) return;
    if (problem.code === "cursor_too_old") {
      if (topic === LIST) loads.torn();
      store.put({ is: "reset", topic });
    } else if (topic === LIST) drop(problem.code);
    else {
      store.put({ is: "page_failed", session: topic, problem });
      caughtUp(topic);
    }
  }

  function caughtUp(topic: string): void {
    behind.delete(topic);
    if (behind.size > 0) return;
    happen({ is: "caught_up", count });
    loads.again();
  }

  /** After each hello: the list and the open sessions, each from where this tab is. */
  function resubscribe(): void {
    const { list, logs } = store.get();
    behind.clear();
    behind.add(LIST);
    if (list.pos !== null) subscribe(LIST, list.pos);
    if (loads.isWanted()) carryOut({ ask: "load_list" });
    const followed = [...logs.values()].filter(
      (log) => log.is === "ready" && log.live && !isDamaged(list.sessions.get(log.session)),
    );
    // What is in view comes last: where only a few are followed, it is among them.
    followed.sort((a, b) => Number(a.session === view) - Number(b.session === view));
    for (const log of followed.slice(-(connection?.sessions ?? 1))) {
      behind.add(log.session);
      subscribe(log.session, log.last);
    }
  }

  function subscribe(topic: string, after: number): void {
    connection?.subscribe(topic, after, store.get().epoch);
  }

  /** Another session came into view. Where only a few are followed, it is one of them from now on. */
  function follow(session: string): void {
    if (view === session) return;
    view = session;
    const log = store.get().logs.get(session);
    // One that is new is asked for by the fold.
    const held = log?.is === "ready" && log.live && log.last > 0;
    if (connection?.follows(session) === false && held) subscribe(session, log.last);
  }

  function carryOut(ask: Ask): void {
    switch (ask.ask) {
      case "subscribe":
        if (ask.topic !== LIST && ask.after === 0) void loads.fromStart(ask.topic);
        else subscribe(ask.topic, ask.after);
        break;
      case "unsubscribe":
        connection?.unsubscribe(ask.topic);
        if (behind.has(ask.topic)) caughtUp(ask.topic);
        break;
      case "notify":
        void browser.notifier.notify(ask, store.get());
        break;
      default:
        loads.load(ask);
    }
  }

  async function start(): Promise<void> {
    if (!begun) {
      begun = true;
      browser.begin(() => happen({ is: "woken" }));
      await loads.restore();
    }
    happen({ is: "start" });
  }

  return {
    store,
    start: () => void start(),
    wake: () => happen({ is: "woken" }),
    forget: async () => {
      happen({ is: "refused", problem: { code: "auth_required" } });
      loads.torn();
      await browser.forget();
    },
    look: (session) => {
      browser.notifier.look(session);
      if (session !== null) follow(session);
    },
    recent: breaks.recent,
    breaks: breaks.all,
    browser,
  };
}

function isHidden(): boolean {
  return typeof document !== "undefined" && document.visibilityState === "hidden";
}
