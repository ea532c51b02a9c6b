/** Keeps the connection: drives the machine with what really happens, and carries out what the fold asks for. */
import { answer } from "@/api/client";
import { checkHealth, getStatus } from "@/api/gen";
import type { Ask, Input } from "@/store/fold";
import type { Event, ListFrame } from "@/store/types";
import { newBatch } from "./batch";
import { loadEvents, loadHeads, loadList, loadSession } from "./history";
import { due, newMachine, step, type Effect, type Happened } from "./machine";
import { dialSocket, type Connection } from "./socket";
import { dialStreams } from "./sse";
import { newStore, type Store } from "./store";
import { received, type Received } from "./wire";

const LIST = "list";
const FRAME_MS = 16;

export type Sync = {
  readonly store: Store;
  /** Begins; sign-in is done. */
  readonly start: () => void;
  /** The person or the system says that the network is back. */
  readonly wake: () => void;
  /** The last messages, newest last, for the About page. */
  readonly recent: () => readonly string[];
};

export function newSync(soon: (then: () => void) => void): Sync {
  let machine = newMachine(Date.now());
  let connection: Connection | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let loading: Promise<unknown> | null = null;
  const recent: string[] = [];
  const store = newStore(carryOut, soon);
  const batch = newBatch<Received>(deliver, (then) => setTimeout(then, FRAME_MS));

  function happen(happened: Happened): void {
    const before = machine.link;
    const stepped = step(machine, happened, Date.now(), Math.random());
    machine = stepped.machine;
    if (machine.link !== before) store.put({ is: "link", link: machine.link });
    for (const effect of stepped.effects) act(effect);
    clearTimeout(timer);
    const at = due(machine);
    if (at !== null) timer = setTimeout(() => happen({ is: "tick" }), Math.max(0, at - Date.now()) + 1);
  }

  function act(effect: Effect): void {
    switch (effect.do) {
      case "hang_up":
        connection?.close();
        connection = null;
        break;
      case "ping":
        connection?.ping();
        break;
      case "dial": {
        connection?.close();
        const dial = effect.over === "socket" ? dialSocket : dialStreams;
        connection = dial({ message: hear, ended: (...how) => void ended(...how) });
        break;
      }
    }
  }

  function hear(text: string): void {
    recent.push(text);
    if (recent.length > 20) recent.shift();
    const message = received(text);
    if (message === null) {
      connection?.close();
      happen({ is: "ended", opened: true, answers: true, code: 0, reason: "bad_frame" });
      return;
    }
    batch.add(message);
  }

  async function ended(opened: boolean, code: number, reason: string): Promise<void> {
    batch.flush();
    connection = null;
    // Why an upgrade was refused is not told to a page, so the question is asked in a way that is answered.
    const status = opened && reason !== "" ? null : await answer(getStatus());
    if (status && !status.ok && (status.problem.status === 401 || status.problem.status === 403)) {
      happen({ is: "refused", problem: status.problem });
      return;
    }
    if (reason.startsWith("unauthorized")) {
      happen({ is: "refused", problem: { code: "token_invalid", detail: reason } });
      return;
    }
    const answers = status?.ok === true || (!opened && (await answer(checkHealth())).ok);
    happen({ is: "ended", opened, answers, code, reason });
  }

  /** Puts a batch into the store: runs of frames and of events of one session go in together. */
  function deliver(messages: Received[]): void {
    const inputs: Input[] = [];
    let frames: ListFrame[] = [];
    let session = "";
    let events: Event[] = [];
    const flush = () => {
      if (frames.length > 0) inputs.push({ is: "frames", frames });
      if (events.length > 0) inputs.push({ is: "events", session, events });
      frames = [];
      events = [];
    };
    for (const message of messages) {
      if (message.is === "frame") {
        if (events.length > 0) flush();
        frames.push(message.frame);
        continue;
      }
      if (message.is === "event") {
        if (frames.length > 0 || session !== message.session) flush();
        session = message.session;
        events.push(message.event);
        continue;
      }
      flush();
      store.put(...inputs.splice(0));
      control(message);
    }
    flush();
    store.put(...inputs);
    happen({ is: "heard" });
  }

  function control(message: Exclude<Received, { is: "frame" | "event" }>): void {
    switch (message.is) {
      case "hello":
        store.put({ is: "hello", epoch: message.epoch, version: message.version });
        happen({ is: "hello" });
        resubscribe();
        break;
      case "caught_up":
        store.put(message);
        if (message.topic === LIST) happen({ is: "caught_up" });
        break;
      case "problem":
        if (message.topic !== null && message.problem.code === "cursor_too_old") {
          store.put({ is: "reset", topic: message.topic });
        }
        break;
      case "pong":
        break;
    }
  }

  /** After each hello: the list and the open sessions, each from where this tab is. */
  function resubscribe(): void {
    const { list, logs, epoch } = store.get();
    if (list.pos === null) carryOut({ ask: "load_list" });
    else connection?.subscribe(LIST, list.pos, epoch);
    for (const log of logs.values()) {
      if (log.is === "ready" && log.live) connection?.subscribe(log.session, log.last, epoch);
    }
  }

  function carryOut(ask: Ask): void {
    switch (ask.ask) {
      case "subscribe":
        connection?.subscribe(ask.topic, ask.after, store.get().epoch);
        break;
      case "unsubscribe":
        connection?.unsubscribe(ask.topic);
        break;
      case "load_list":
        loading ??= loadList(store).then((problem) => {
          loading = null;
          const { list, epoch } = store.get();
          if (problem === null) connection?.subscribe(LIST, list.pos ?? 0, epoch);
          else happen({ is: "ended", opened: true, answers: false, code: 0, reason: problem.code });
        });
        break;
      case "load_session":
        void loadSession(store, ask.session);
        break;
      case "load_events":
        void loadEvents(store, ask.session, ask);
        break;
      case "load_heads":
        void loadHeads(store, ask.session, ask.before, ask.types, ask.limit);
        break;
    }
  }

  return {
    store,
    start: () => happen({ is: "start" }),
    wake: () => happen({ is: "woken" }),
    recent: () => recent,
  };
}
