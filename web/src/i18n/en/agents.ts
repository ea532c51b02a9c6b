/** Words of the page of agents. */
export const agents = {
  title: "Agents",
  note: "Any agent that speaks ACP. What is shown here is what the workers found and what the agents said of themselves.",
  empty: {
    title: "No agent can be started",
    note: "Install one of those below on a worker, or try the builtin one, which needs no key.",
  },
  here: "On your workers",
  others: { title: "Not installed", note: "Each with the way to install it." },
  own: {
    title: "An agent of your own",
    note: "In the config file of the machine that runs it:",
  },
  test: "Test",
  testing: "Starting it and saying hello…",
  tested: "It answered on {worker} and opened a session in {took}. No prompt was sent.",
  state: {
    missing: "Not found on any worker",
    ready: "Ready on {worker} ({how})",
    sign_in: "Sign in on {worker}: {how}",
    untried: "Found on {worker} ({how}). Nobody has tried it yet. Sign-in: {sign_in}",
  },
  announced: {
    label: "What it said of itself",
    never: "Nothing yet. It is asked when it runs for the first time, or by Test.",
    sign_in: "Sign-in",
    can: "Can",
    protocol: "Protocol",
  },
} as const;
