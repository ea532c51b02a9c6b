/** Words of the shell: navigation, palette, keys, connection, sign-in. */
export const app = {
  nav: {
    label: "Main",
    home: "Sessions",
    new: "New session",
    new_short: "New",
    needs: { one: "Needs {count}", other: "Needs {count}" },
    workers: "Workers",
    agents: "Agents",
    settings: "Settings",
    about: "About",
  },
  skip: "Skip to the content",
  palette: {
    title: "Do or find",
    label: "What to do, or part of a session's name",
    nothing: "Nothing is called “{text}” here. Home searches archived sessions too",
  },
  keys: {
    title: "Keys",
    note: "Single letters work outside of fields. They can be switched off in Settings.",
    everywhere: "Everywhere",
  },
  not_found: { title: "There is no such page", home: "Go to the sessions" },
  broken: {
    title: "This page broke",
    detail: "What you wrote is kept, and sessions go on. Trying again is safe.",
  },
  sign_in: {
    title: "Sign in",
    how: "This page opens with the link that `convene serve` printed. On that machine run:",
    command: "convene open",
    paste: "Or paste a link or its token",
    go: "Sign in",
  },
  link: {
    live: "Live",
    reconnecting: "Reconnecting…",
    lost: "No connection since {time}. You see what this browser had. Sessions go on without it.",
    next_try: "Next try in {n} s.",
    try_now: "Try now",
    back: { one: "Back: {count} event caught up", other: "Back: {count} events caught up" },
  },
} as const;
