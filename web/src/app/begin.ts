/** Before the first paint: the login link of the address is used, and the connection begins. */
import { logInFromAddress } from "@/commands/log-in";
import { newSync, type Sync } from "@/sync/link";

export async function begin(): Promise<Sync> {
  const sync = newSync((then) => {
    requestAnimationFrame(then);
  });
  await logInFromAddress();
  sync.start();
  return sync;
}
