/** Where the focus goes when a layer opens and closes: into it, and back to what had it before. */
import { useState } from "react";

type Hands = {
  readonly onOpenAutoFocus: (event: Event) => void;
  readonly onCloseAutoFocus: (event: Event) => void;
};

/** `enter` moves the focus into the layer; without it the layer does that itself. `then` comes when the focus is back. */
export function useReturnFocus(enter?: (event: Event) => void, then?: () => void): Hands {
  const [held] = useState<{ opener: Element | null }>(() => ({ opener: null }));
  return {
    onOpenAutoFocus: (event) => {
      held.opener = document.activeElement;
      enter?.(event);
    },
    onCloseAutoFocus: (event) => {
      event.preventDefault();
      if (held.opener instanceof HTMLElement && held.opener.isConnected) held.opener.focus();
      then?.();
    },
  };
}
