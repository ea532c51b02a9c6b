/** Starts the service worker, and passes on where a click on a notification leads. */
import type { PageMessage } from "./page-messages";
import { workerMessage } from "./worker-messages";

/** Quiet where the browser has no workers: plain HTTP beyond this machine. The answer ends the listening. */
export function startServiceWorker(onOpen: (href: string) => void): () => void {
  if (!("serviceWorker" in navigator)) return () => undefined;
  const { serviceWorker } = navigator;
  const listen = (event: MessageEvent) => {
    const message = workerMessage(event.data);
    if (message !== null) onOpen(message.href);
  };
  serviceWorker.addEventListener("message", listen);
  // Without it the page works, only not offline and without notifications.
  serviceWorker.register("/sw.js", { scope: "/" }).catch(() => undefined);
  void serviceWorker.ready.then(({ active }) => {
    // A page that was on its way while the worker claimed all there were is left out, and stays so until it is loaded again.
    const message: PageMessage = { is: "claim" };
    if (serviceWorker.controller === null) active?.postMessage(message);
  });
  return () => serviceWorker.removeEventListener("message", listen);
}
