/** Where an item is among its siblings, by an index that many transcripts share. */
import type { Item } from "./items";

export type Places = { readonly items: readonly Item[]; readonly places: ReadonlyMap<string, number> };

/** Where an item is in `items`. A hint that is not true here is one of a sibling, which has other items at its end. */
export function placeOf({ items, places }: Places, id: string): number | null {
  const hint = places.get(id);
  if (hint === undefined) return null;
  if (items[hint]?.id === id) return hint;
  const found = items.findLastIndex((item) => item.id === id);
  return found === -1 ? null : found;
}
