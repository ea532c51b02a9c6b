/** Whoever selects text wants it to stay where it is. */
import { useEffect, type RefObject } from "react";
import type { MovedHere } from "./scroll";

export function useSelection(
  scroller: RefObject<HTMLDivElement | null>,
  move: (moved: MovedHere) => void,
): void {
  useEffect(() => {
    const look = () => {
      const selection = document.getSelection();
      if (selection === null || selection.isCollapsed || selection.anchorNode === null) return;
      if (scroller.current?.contains(selection.anchorNode) === true) move({ is: "selected" });
    };
    document.addEventListener("selectionchange", look);
    return () => document.removeEventListener("selectionchange", look);
  }, [scroller, move]);
}
