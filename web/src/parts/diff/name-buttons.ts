/** Gives the viewer's own buttons a name and a key, and its scrolling parts the focus. It leaves them without. */
import { t } from "@/i18n";

type Way = "above" | "below" | "both";

/** A button that has the focus. */
type Focused = { readonly button: HTMLElement; readonly way: Way; readonly gap: number };

const focused = new WeakMap<HTMLElement, Focused>();

export function nameButtons(
  node: HTMLElement,
  _viewer?: unknown,
  phase?: "mount" | "update" | "unmount",
): void {
  const root = node.shadowRoot ?? node;
  for (const button of root.querySelectorAll<HTMLElement>("[data-expand-button]:not([aria-label])")) {
    button.setAttribute("aria-label", t(`shared.diff.expand.${wayOf(button)}`));
    button.tabIndex = 0;
    button.addEventListener("keydown", press);
    showFocus(button);
    holdFocus(node, button);
  }
  for (const code of root.querySelectorAll<HTMLElement>("code[data-code]:not([tabindex])")) {
    code.tabIndex = 0;
    showFocus(code);
  }
  if (phase !== "unmount") passFocus(node);
}

/** The page's style sheet does not reach into the viewer, and one of its own would come after it was drawn and measured. */
function showFocus(node: HTMLElement): void {
  node.addEventListener("focus", () => {
    if (!node.matches(":focus-visible")) return;
    node.style.outline = "2px solid var(--focus)";
    node.style.outlineOffset = "-2px";
  });
  node.addEventListener("blur", () => node.style.removeProperty("outline"));
}

function holdFocus(node: HTMLElement, button: HTMLElement): void {
  const held: Focused = { button, way: wayOf(button), gap: gapOf(button) };
  button.addEventListener("focus", () => focused.set(node, held));
  button.addEventListener("blur", () => {
    // A browser may say so also of one that is being taken out; that one is gone when this is looked at.
    queueMicrotask(() => {
      if (button.isConnected && focused.get(node) === held) focused.delete(node);
    });
  });
}

/** Each drawing makes the buttons anew: what took the place of the focused one gets the focus. */
function passFocus(node: HTMLElement): void {
  const held = focused.get(node);
  if (held === undefined || held.button.isConnected) return;
  focused.delete(node);
  if (document.activeElement !== document.body) return;
  successorOf(held, node.shadowRoot ?? node)?.focus({ preventScroll: true });
}

/** The same button, else another one of the same gap or of the next, else the lines. */
function successorOf({ way, gap }: Focused, root: ParentNode): HTMLElement | null {
  const all = [...root.querySelectorAll<HTMLElement>("[data-expand-button]")];
  // Each stands twice in the viewer, and is seen once.
  const next = all.filter((button) => gapOf(button) >= gap && button.checkVisibility());
  const same = next.find((button) => gapOf(button) === gap && wayOf(button) === way);
  return same ?? next[0] ?? root.querySelector<HTMLElement>("code[data-code]");
}

/** Which of the folded places of the file it unfolds, from above. */
function gapOf(button: HTMLElement): number {
  return Number(button.closest<HTMLElement>("[data-expand-index]")?.dataset.expandIndex ?? 0);
}

/** The viewer's "up" adds lines to the end of what stands above it, which is below to whoever reads that. */
function wayOf(button: HTMLElement): Way {
  if ("expandUp" in button.dataset) return "below";
  return "expandDown" in button.dataset ? "above" : "both";
}

function press(event: KeyboardEvent): void {
  if (event.key !== "Enter" && event.key !== " ") return;
  event.preventDefault();
  if (event.currentTarget instanceof HTMLElement) event.currentTarget.click();
}
