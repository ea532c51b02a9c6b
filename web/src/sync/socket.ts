/** One WebSocket: dialed, listened to, and let go of. What it hears goes to its owner. */
import type { Problem } from "@/store/types";

export type Heard = {
  readonly message: (text: string) => void;
  /** A sign of life that says nothing. */
  readonly alive: () => void;
  readonly ended: (how: Ended) => void;
};

/** How a connection ended. `opened`: whether it was ever open; `problem`: what the server said, if it said anything. */
export type Ended = { readonly opened: boolean; readonly reason: string; readonly problem: Problem | null };

export type Connection = {
  /** Follows a topic from after a cursor on. */
  readonly subscribe: (topic: string, after: number, epoch: number | null) => void;
  readonly unsubscribe: (topic: string) => void;
  readonly ping: () => void;
  /** Lets go of it; its owner hears nothing more. */
  readonly close: () => void;
  /** How many sessions it follows at once. */
  readonly sessions: number;
  /** Whether that topic is followed now. */
  readonly follows: (topic: string) => boolean;
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
    if (!over) heard.message(typeof message.data === "string" ? message.data : "");
  };
  socket.onclose = ({ code, reason }) => {
    if (over) return;
    over = true;
    const said = reason === "" ? `closed_${code}` : reason;
    const problem = reason.startsWith("unauthorized") ? { code: "token_invalid", detail: reason } : null;
    heard.ended({ opened, reason: said, problem });
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
    sessions: Infinity,
    follows: () => true,
  };
}
