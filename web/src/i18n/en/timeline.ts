/** Words of a session's timeline. */
export const timeline = {
  label: "Turns",
  loading: "Loading the turns…",
  empty: "No turn yet. The first prompt begins one",
  older: "Earlier turns",
  turn: "Turn {number}",
  before: "Begun before",
  running: "running",
  waited: "waited {time}",
  tools: { one: "{count} tool call", other: "{count} tool calls" },
  failed: { one: "{count} failed", other: "{count} failed" },
  asked: { one: "asked once", other: "asked {count} times" },
  ended: {
    end_turn: "done",
    max_tokens: "out of tokens",
    max_turn_requests: "too many requests",
    refusal: "refused by the model",
    cancelled: "canceled",
    failed: "failed",
    interrupted: "interrupted",
    timeout: "took too long",
  },
} as const;
