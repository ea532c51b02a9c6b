/** Listens to the keyboard for the whole page. */
import { useLayoutEffect } from "react";
import { useRegistry } from "@/bind/actions";
import { lettersOn } from "@/lib/preferences";
import { actionFor, pressOf } from "./keys";

const mac = /Mac|iPhone|iPad/.test(navigator.userAgent);

export function useKeys(): void {
  const registry = useRegistry();
  // Together with what is shown: a key may come before the effects of a paint do.
  useLayoutEffect(() => {
    const listen = (event: KeyboardEvent) => {
      const press = pressOf(event, mac);
      if (press === null || openLayer(event)) return;
      const action = actionFor(registry.all(), press, lettersOn());
      if (action === null) return;
      event.preventDefault();
      action.perform();
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, [registry]);
}

/** Keys belong to the layer that is open, not to what is below it. */
function openLayer(event: KeyboardEvent): boolean {
  const layer =
    event.target instanceof Element
      ? event.target.closest("[role=dialog],[role=alertdialog],[role=menu],[role=listbox]")
      : null;
  return layer !== null;
}
