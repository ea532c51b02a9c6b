/** Puts a session away that has ended, or takes it back. Nothing of it is lost. */
import { archiveSession as archive, unarchiveSession as unarchive, type Session } from "@/api/gen";
import type { Store } from "@/sync/store";
import { run, type Outcome } from "./run";

export function archiveSession(store: Store, session: string): Promise<Outcome<Session>> {
  return run(store, {
    session,
    wanted: { kind: "archive", archived: true },
    send: (headers) => archive({ path: { id: session }, headers }),
    session_of: (reply) => reply,
  });
}

export function unarchiveSession(store: Store, session: string): Promise<Outcome<Session>> {
  return run(store, {
    session,
    wanted: { kind: "archive", archived: false },
    send: (headers) => unarchive({ path: { id: session }, headers }),
    session_of: (reply) => reply,
  });
}
