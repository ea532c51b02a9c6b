/** What is typed for a session: kept at each pause, told to other tabs, gone only when it was sent. */
import { useCallback, useEffect, useLayoutEffect, useRef, useState, type RefObject } from "react";
import { useSync } from "@/bind/store";

export type DraftField = {
  readonly text: string;
  readonly write: (text: string, caret?: number) => void;
  /** It is on its way: the field is free, the draft is still kept. */
  readonly hide: () => void;
  /** It was sent and taken: nothing of it is kept. */
  readonly sent: () => void;
  /** It was not taken: it stands in the field again, before what was typed since. */
  readonly back: (text: string) => void;
  /** The caret moved or the field was scrolled. */
  readonly moved: () => void;
};

export function useDraft(session: string, field: RefObject<HTMLTextAreaElement | null>): DraftField {
  const { drafts } = useSync().browser;
  const [kept] = useState(() => drafts.read(session));
  const [text, setText] = useState(kept?.text ?? "");
  const now = useRef(text);
  const caret = useRef<number | null>(kept?.caret ?? null);

  useLayoutEffect(() => {
    const box = field.current;
    if (box === null || kept === null) return;
    box.setSelectionRange(kept.caret, kept.caret);
    box.scrollTop = kept.scroll ?? 0;
  }, [field, kept]);
  useLayoutEffect(() => {
    const at = caret.current;
    caret.current = null;
    if (at !== null && field.current !== null && kept?.text !== text) field.current.setSelectionRange(at, at);
  }, [text, field, kept]);
  useEffect(
    () =>
      drafts.listen(session, (draft) => {
        // Another tab has written. Who types here is not disturbed.
        if (document.activeElement === field.current && document.hasFocus()) return;
        now.current = draft?.text ?? "";
        setText(now.current);
      }),
    [drafts, session, field],
  );
  useEffect(() => () => drafts.flush(), [drafts]);

  const keep = useCallback(() => {
    const box = field.current;
    drafts.write(session, {
      text: now.current,
      caret: box?.selectionStart ?? now.current.length,
      scroll: box?.scrollTop ?? 0,
    });
  }, [drafts, session, field]);
  return {
    text,
    write: (next, at) => {
      now.current = next;
      caret.current = at ?? null;
      setText(next);
      keep();
    },
    hide: () => {
      now.current = "";
      setText("");
    },
    sent: () => {
      if (now.current === "") drafts.clear(session);
      else keep();
    },
    back: (what) => {
      now.current = now.current === "" ? what : `${what}\n\n${now.current}`;
      setText(now.current);
      keep();
    },
    moved: () => {
      if (now.current !== "") keep();
    },
  };
}
