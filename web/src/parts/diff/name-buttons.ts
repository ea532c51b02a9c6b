/** Gives the viewer's own buttons a name and a key, and its scrolling parts the focus. It leaves them without. */
import { t } from "@/i18n";

export function nameButtons(node: HTMLElement): void {
  const root = node.shadowRoot ?? node;
  for (const button of root.querySelectorAll<HTMLElement>("[data-expand-button]:not([aria-label])")) {
    button.setAttribute("aria-label", t(`shared.diff.expand.${wayOf(button)}`));
    button.tabIndex = 0;
    button.addEventListener("keydown", press);
    showFocus(button);
  }
  for (const code of root.querySelectorAll<HTMLElement>("code[data-code]:not([tabindex])")) {
    code.tabIndex = 0;
    showFocus(code);
  }
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

/** The viewer's "up" adds lines to the end of what stands above it, which is below to whoever reads that. */
function wayOf(button: HTMLElement): "above" | "below" | "both" {
  if ("expandUp" in button.dataset) return "below";
  return "expandDown" in button.dataset ? "above" : "both";
}

function press(event: KeyboardEvent): void {
  if (event.key !== "Enter" && event.key !== " ") return;
  event.preventDefault();
  if (event.currentTarget instanceof HTMLElement) event.currentTarget.click();
}
