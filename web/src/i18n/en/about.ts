/** Words of the page about the product and its health. */
export const about = {
  title: "About",
  note: "Convene runs, supervises and shows coding-agent sessions. Everything on this page comes from your own server.",
  loading: "Asking the server…",
  versions: {
    title: "Versions",
    server: "Server",
    up: "Up for",
    workers: "Capacity",
    seats: {
      one: "{count} worker, {taken} of {seats} seats taken",
      other: "{count} workers, {taken} of {seats} seats taken",
    },
  },
  doctor: {
    title: "Health",
    looking: "Looking at everything that could be wrong…",
    well: "Nothing is wrong.",
    fine: "Looked at and fine: {names}",
    again: "Look again",
  },
  link: {
    title: "Connection",
    closed: "Not begun",
    connecting: "Connecting",
    catching_up: "Catching up",
    live: "Live",
    waiting: "Waiting for the next try",
    refused: "Refused",
    show: "Show the last 20 messages",
  },
  license: {
    title: "License",
    note: "MIT or Apache-2.0, at your choice. The parts of other people keep their own licenses.",
  },
} as const;
