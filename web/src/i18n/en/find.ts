/** Words of finding in a session. */
export const find = {
  label: "Find in this session",
  field: "Find in this session",
  count: { one: "{count} place", other: "{count} places" },
  place: "{n} of {all}",
  none: "Not found here",
  previous: "Previous place",
  next: "Next place",
  close: "Close the search",
  older: "Search older turns",
  searching: "Searching…",
  further: "Search further",
  whole: "All turns were searched",
  failed: "The older turns could not be searched.",
} as const;
