/** Short messages that come and go. Said from anywhere, shown by the one `ToastRegion`. */
export type Toast = {
  readonly id: number;
  readonly text: string;
  readonly tone: "plain" | "bad" | "good";
  readonly action?: { readonly label: string; readonly onSelect: () => void };
};

let list: readonly Toast[] = [];
let last = 0;
const watchers = new Set<() => void>();

export function showToast(text: string, options: Partial<Pick<Toast, "tone" | "action">> = {}): number {
  last += 1;
  // Three at most: who says more says nothing.
  publish([...list.slice(-2), { id: last, text, tone: options.tone ?? "plain", ...options }]);
  return last;
}

export function dropToast(id: number): void {
  publish(list.filter((toast) => toast.id !== id));
}

export function toasts(): readonly Toast[] {
  return list;
}

export function watchToasts(changed: () => void): () => void {
  watchers.add(changed);
  return () => watchers.delete(changed);
}

function publish(next: readonly Toast[]): void {
  list = next;
  for (const changed of watchers) changed();
}
