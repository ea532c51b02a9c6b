/** Stands in for "tailwind-merge" in the formatter: none of our classes contradicts one of its own. */
export function twMerge(...names: readonly (string | false | null | undefined)[]): string {
  return names.filter(Boolean).join(" ");
}
