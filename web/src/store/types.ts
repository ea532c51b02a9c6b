/** The server's own types, under the names that the store speaks of. */
import type { Problem } from "@/api/problem";
import type {
  AgentFrame,
  ContentBlock,
  DeletedFrame,
  Event,
  KnownEvent,
  ListFrame,
  Session,
  SessionFrame,
  Thread,
  ThreadFrame,
  Worker,
  Agent,
  WorkerFrame,
} from "@/api/gen";

export type {
  Agent,
  AgentFrame,
  ContentBlock,
  DeletedFrame,
  Event,
  KnownEvent,
  ListFrame,
  Problem,
  Session,
  SessionFrame,
  Thread,
  ThreadFrame,
  Worker,
  WorkerFrame,
};

export type SessionId = string;
export type TurnId = string;

/** An event of this version, by its type. */
export type EventOf<T extends KnownEvent["type"]> = Extract<KnownEvent, { type: T }>;
