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
