/** After a change of the page the focus is on its heading, so that a screen reader says where one is. */
import { useEffect, useRef } from "react";

/** `path` is that of the page in sight: while the next one is on its way the heading is still that of the last. */
export function usePageFocus(path: string): void {
  const before = useRef(path);
  useEffect(() => {
    if (before.current === path) return;
    before.current = path;
    // Who wrote or clicked within the new page has the focus already.
    if (document.activeElement !== null && document.activeElement !== document.body) {
      if (document.getElementById("content")?.contains(document.activeElement)) return;
    }
    const heading = document.querySelector<HTMLElement>("#content h1");
    if (heading === null) return;
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
  }, [path]);
}
