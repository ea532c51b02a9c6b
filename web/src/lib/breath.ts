/** Lets the browser draw and answer before the work goes on. */
export function breath(): Promise<void> {
  return new Promise((then) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      then();
    };
    port2.postMessage(null);
  });
}

/** A tab that nobody sees is never drawn. */
const HIDDEN_MS = 200;

/** When what was made so far can be seen: the second frame from now begins when the first one is drawn. */
export function drawn(): Promise<void> {
  return new Promise((then) => {
    const timer = setTimeout(then, HIDDEN_MS);
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        clearTimeout(timer);
        void breath().then(then);
      }),
    );
  });
}
