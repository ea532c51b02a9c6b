/** One WebSocket: dialed, listened to, and let go of. What it hears goes to its owner. */

export type Heard = {
  readonly message: (text: string) => void;
  /** It ended. `opened`: whether it was ever open. */
  readonly ended: (opened: boolean, code: number, reason: string) => void;
};

export type Connection = {
  /** Follows a topic from after a cursor on. */
  readonly subscribe: (topic: string, after: number, epoch: number | null) => void;
  readonly unsubscribe: (topic: string) => void;
  readonly ping: () => void;
  /** Lets go of it; its owner hears nothing more. */
  readonly close: () => void;
};

export function dialSocket(heard: Heard): Connection {
  const url = new URL("/v1/ws", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(url);
  let opened = false;
  let over = false;
  socket.onopen = () => {
    opened = true;
  };
  socket.onmessage = (message: MessageEvent<unknown>) => {
    if (!over && typeof message.data === "string") heard.message(message.data);
  };
  socket.onclose = ({ code, reason }) => {
    if (over) return;
    over = true;
    heard.ended(opened, code, reason);
  };
  const say = (frame: object) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame));
  };
  return {
    subscribe: (topic, after, epoch) => {
      say({ op: "subscribe", topic, after, ...(epoch === null ? {} : { epoch }) });
    },
    unsubscribe: (topic) => {
      say({ op: "unsubscribe", topic });
    },
    ping: () => {
      say({ op: "ping" });
    },
    close: () => {
      over = true;
      socket.close();
    },
  };
}
