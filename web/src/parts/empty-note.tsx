/** Where there is nothing: why, and what to do. */
import type { ReactNode } from "react";

type EmptyNoteProps = {
  readonly title: string;
  readonly note?: ReactNode;
  /** Buttons. */
  readonly children?: ReactNode;
};

export function EmptyNote({ title, note, children }: EmptyNoteProps) {
  return (
    <div className="mx-auto flex w-full max-w-lg min-w-0 flex-col items-center gap-1 px-4 py-12 text-center">
      <p className="max-w-full text-lg font-semibold wrap-anywhere">{title}</p>
      {note !== undefined && <div className="text-2">{note}</div>}
      {children !== undefined && <div className="mt-3 flex flex-wrap justify-center gap-2">{children}</div>}
    </div>
  );
}
