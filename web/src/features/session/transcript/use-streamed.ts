/** A text that grows, shown in steps of at least 50 ms; its last piece at once. */
import { useEffect, useRef, useState } from "react";

const STEP = 50;

export function useStreamed(text: string, is: "open" | "closed"): string {
  const [shown, setShown] = useState(text);
  const last = useRef(0);
  useEffect(() => {
    if (is === "closed" || shown === text) return;
    const wait = Math.max(0, last.current + STEP - performance.now());
    const timer = setTimeout(() => {
      last.current = performance.now();
      setShown(text);
    }, wait);
    // A newer text takes the place of the one that waits, but not its turn.
    return () => clearTimeout(timer);
  }, [text, is, shown]);
  return is === "closed" ? text : shown;
}
