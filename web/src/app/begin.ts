/** Before the first paint: the login link of the address is used, and the connection begins. */
import { logInFromAddress } from "@/commands/log-in";
import { keepShown } from "@/lib/last-shown";
import { newSync, type Sync } from "@/sync/link";
import { keepFace } from "./face";
import { noticeWords } from "./notice-words";
import { shownAt } from "./places";
import { router } from "./router";
import { followTheme } from "./theme";

/** A tab that nobody sees gets no frames; its title still says who needs somebody. */
const HIDDEN_MS = 1_000;

export async function begin(): Promise<Sync> {
  followTheme();
  const sync = newSync(soon);
  sync.browser.notifier.words(noticeWords);
  followPlaces(sync);
  await logInFromAddress();
  sync.start();
  return sync;
}

/** Calls back before the next paint, or after a while if there is none. */
function soon(then: () => void): void {
  const frame = requestAnimationFrame(() => {
    clearTimeout(timer);
    then();
  });
  const timer = setTimeout(() => {
    cancelAnimationFrame(frame);
    then();
  }, HIDDEN_MS);
}

function followPlaces(sync: Sync): void {
  const show = keepFace(sync);
  const follow = () => {
    const shown = shownAt(location.pathname);
    show(shown);
    const session = shown !== null && "session" in shown ? shown.session : null;
    sync.look(session);
    if (session !== null) keepShown(session);
  };
  router.subscribe("onResolved", follow);
  follow();
}
