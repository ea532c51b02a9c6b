/** When it is worth to try at once: the network is back, or somebody looks at the page again. */

export function onWake(wake: () => void): void {
  addEventListener("online", wake);
  addEventListener("pageshow", (event) => {
    // The first one is the page's own start.
    if (event.persisted) wake();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") wake();
  });
  document.addEventListener("resume", wake);
}

/** When this may be the last moment: the page is left, or put away. */
export function onLeave(leave: () => void): void {
  addEventListener("pagehide", leave);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") leave();
  });
}
