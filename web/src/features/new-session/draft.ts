/** What was typed for a new session: kept as other drafts are, the form's fields beside its prompt, until it is sent. */
import { useCallback, useEffect, useLayoutEffect, useRef, useState, type RefObject } from "react";
import { useSync } from "@/bind/store";
import { emptyForm, type Form } from "./form";

const NEW = "new";

export type FormDraft = {
  readonly typed: Partial<Form>;
  readonly change: (part: Partial<Form>) => void;
  /** The caret moved or the field was scrolled. */
  readonly moved: () => void;
  /** It was made: nothing of it is kept. */
  readonly sent: () => void;
};

/** `field` is that of the prompt. */
export function useFormDraft(field: RefObject<HTMLTextAreaElement | null>): FormDraft {
  const { drafts } = useSync().browser;
  const [kept] = useState(() => drafts.read(NEW));
  const [typed, setTyped] = useState<Partial<Form>>(() => formOf(kept));
  const now = useRef(typed);

  useLayoutEffect(() => {
    const box = field.current;
    if (box === null || kept === null) return;
    box.setSelectionRange(kept.caret, kept.caret);
    box.scrollTop = kept.scroll ?? 0;
  }, [field, kept]);
  useEffect(
    () =>
      drafts.listen(NEW, (draft) => {
        // Another tab has written. Who types here is not disturbed.
        if (document.hasFocus()) return;
        now.current = formOf(draft);
        setTyped(now.current);
      }),
    [drafts],
  );
  useEffect(() => () => drafts.flush(), [drafts]);

  const keep = useCallback(() => {
    const { prompt: text = "", ...fields } = now.current;
    const box = field.current;
    const at = { caret: box?.selectionStart ?? text.length, scroll: box?.scrollTop ?? 0 };
    drafts.write(NEW, { text, ...at, ...(Object.keys(fields).length === 0 ? {} : { fields }) });
  }, [drafts, field]);
  return {
    typed,
    change: useCallback(
      (part) => {
        now.current = { ...now.current, ...part };
        setTyped(now.current);
        keep();
      },
      [keep],
    ),
    moved: () => {
      if ((now.current.prompt ?? "") !== "") keep();
    },
    sent: () => {
      // The form stands for a moment longer, and its caret may move.
      now.current = {};
      drafts.clear(NEW);
    },
  };
}

type Kept = { readonly text: string; readonly fields?: Readonly<Record<string, unknown>> };

/** What was kept, as far as this version knows its fields. */
export function formOf(kept: Kept | null): Partial<Form> {
  if (kept === null) return {};
  const known = Object.entries(kept.fields ?? {}).filter(
    ([name, value]) => name in emptyForm && typeof value === typeof emptyForm[name as keyof Form],
  );
  return { ...Object.fromEntries(known), ...(kept.text === "" ? {} : { prompt: kept.text }) };
}
