/** Where the focus goes when a layer opens: to what is marked `data-autofocus` or the first field in it, not to the cross that closes it. */
const focusable = "input, textarea, select, button, a[href], [tabindex='0']";

export function focusFirst(event: Event): void {
  const layer = event.currentTarget ?? event.target;
  if (!(layer instanceof HTMLElement)) return;
  event.preventDefault();
  // A finger has not asked for the keyboard: there the layer itself has the focus.
  const wanted = matchMedia("(pointer: coarse)").matches
    ? null
    : (layer.querySelector<HTMLElement>("[data-autofocus]") ??
      layer.querySelector<HTMLElement>(`[data-layer-body] :is(${focusable}):not(:disabled)`));
  (wanted ?? layer).focus({ preventScroll: true });
}
