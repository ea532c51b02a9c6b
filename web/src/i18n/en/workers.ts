/** Words of the page of workers. */
export const workers = {
  title: "Workers",
  note: "A worker is a machine on which agents run. The server has one of its own; others dial in.",
  empty: {
    title: "No worker is connected",
    note: "Sessions wait until one is. The server's own worker starts with `convene serve`.",
  },
  connected: "connected",
  silent: "silent since {time}; its sessions go on there unseen",
  version: "version {version}",
  seats: "{taken} of {seats} seats taken",
  agents: "Agents: {names}",
  no_agents: "No agent found on it",
  sessions: { one: "{count} session", other: "{count} sessions" },
  add: {
    title: "Add a worker",
    note: "On the other machine, with a token of scope worker from Settings. It needs the same binary and nothing else.",
  },
} as const;
