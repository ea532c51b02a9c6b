/**
 * The way of each command: seen at once as pending, sent with its key, settled by the reply or by its event, taken back when it is
 * refused. If the connection breaks in between it stays pending and is sent again with the same key when the link is live again.
 */
import { answer, newKey } from "@/api/client";
import { BAD_ANSWER, UNREACHABLE, type Answer, type Problem } from "@/api/problem";
import type { Wanted } from "@/store/overlay";
import { isCut } from "@/store/state";
import type { Session, SessionId } from "@/store/types";
import { backoff } from "@/sync/backoff";
import type { Store } from "@/sync/store";

/** With these a proxy says that nobody is behind it. */
const NOBODY_THERE = new Set([502, 503, 504]);

export type Headers = { readonly "Idempotency-Key": string };

type Reply<T> = Promise<{ data?: T | undefined; error?: unknown; response?: Response | undefined }>;

/** Sends it; called again with the same headers after a broken connection. */
export type Send<T> = (headers: Headers) => Reply<T>;

export type Command<T> = {
  readonly session: SessionId;
  readonly wanted: Wanted;
  readonly send: Send<T>;
  /** The session as it is after it, if the reply tells. */
  readonly session_of: (reply: NonNullable<T>) => Session | null;
};

export type Outcome<T> =
  { readonly ok: true; readonly data: NonNullable<T> } | { readonly ok: false; readonly problem: Problem };

/** Runs a command to its end. Resolves when the server has decided. */
export async function run<T>(store: Store, command: Command<T>): Promise<Outcome<T>> {
  const key = newKey();
  store.put({ is: "command", command: { key, at: Date.now(), session: command.session, ...command.wanted } });
  const got = await decided(store, key, command.send);
  if (got.ok) store.put({ is: "reply", key, session: command.session_of(got.data) });
  else store.put({ is: "refused", key, problem: got.problem });
  return got;
}

/** The same for what belongs to no session: nothing of it is shown before it is done. */
export function runAlone<T>(store: Store, send: Send<T>): Promise<Outcome<T>> {
  return decided(store, newKey(), send);
}

async function decided<T>(store: Store, key: string, send: Send<T>): Promise<Outcome<T>> {
  // While it is known that nobody is there nothing is sent: there is no hidden outbox.
  const cut = isCut(store.get().link);
  for (let tries = 0; ; tries++) {
    const got: Answer<NonNullable<T>> = await answer(send({ "Idempotency-Key": key }));
    if (got.ok || cut || !isNotNow(got.problem)) return got;
    await again(store, tries);
  }
}

/** Whether nobody has decided: the same key may be tried again. */
function isNotNow({ code, status }: Problem): boolean {
  if (code === UNREACHABLE || code === "unavailable") return true;
  return code === BAD_ANSWER && status !== undefined && NOBODY_THERE.has(status);
}

/**
 * Resolves when it is worth to try again: at once when the link comes back, and as long as it is there after a while. Where it is not
 * kept at all, as on the sign-in page, that while is all there is.
 */
function again(store: Store, tries: number): Promise<void> {
  return new Promise((resolve) => {
    let rested = false;
    let was = store.get().link.is;
    const go = () => {
      clearTimeout(timer);
      stop();
      resolve();
    };
    const look = () => {
      const is = store.get().link.is;
      const back = is === "live" && was !== "live";
      was = is;
      if (is === "refused" || back || (rested && (is === "live" || is === "closed"))) go();
    };
    const timer = setTimeout(
      () => {
        rested = true;
        look();
      },
      backoff(tries, Math.random()),
    );
    const stop = store.subscribe(look);
  });
}
