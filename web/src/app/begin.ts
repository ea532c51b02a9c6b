/** Before the first paint: the login link of the address is used, and the connection begins. */
import { logInFromAddress } from "@/commands/log-in";
import { newSync, type Sync } from "@/sync/link";
import { followTheme } from "./theme";

export async function begin(): Promise<Sync> {
  followTheme();
  const sync = newSync((then) => {
    requestAnimationFrame(then);
  });
  await logInFromAddress();
  sync.start();
  return sync;
}
