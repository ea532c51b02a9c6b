/** Words of the view of raw events. */
export const events = {
  label: "Events",
  loading: "Loading the events…",
  find: "Find in these events",
  type: "Type",
  all_types: "All types",
  count: { one: "{count} of {first} to {last}", other: "{count} of {first} to {last}" },
  older: "Earlier events",
  none: "No event of these fits",
  copy: "Copy the JSON",
  link: "Copy the link",
  in_talk: "In the talk",
} as const;
