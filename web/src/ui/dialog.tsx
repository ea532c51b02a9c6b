/** A window over the page; on the phone it takes the whole of it. Focus goes back to the opener when it closes. */
import type { ReactNode } from "react";
import * as Radix from "radix-ui/dialog";
import { cx } from "@/lib/cx";
import { focusFirst } from "./focus-first";
import { IconButton } from "./icon-button";
import { useReturnFocus } from "./use-return-focus";

type DialogProps = {
  readonly open: boolean;
  readonly onOpenChange: (open: boolean) => void;
  readonly title: string;
  readonly note?: ReactNode;
  readonly closeLabel: string;
  readonly width?: "sm" | "md" | "lg";
  readonly children: ReactNode;
};

const widths = { sm: "max-w-md", md: "max-w-xl", lg: "max-w-3xl" } as const;

export function Dialog({ open, onOpenChange, title, note, closeLabel, width = "md", children }: DialogProps) {
  const focus = useReturnFocus(focusFirst);
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className="data-[state=open]:animate-in data-[state=closed]:animate-out fixed inset-0 z-40 bg-scrim" />
        <Radix.Content
          {...focus}
          {...(note === undefined ? { "aria-describedby": undefined } : {})}
          className={cx(
            "data-[state=open]:animate-in data-[state=closed]:animate-out fixed top-[8dvh] left-1/2 z-40 flex max-h-[84dvh] w-[calc(100vw-2rem)] -translate-x-1/2 flex-col rounded-md border border-line bg-surface-0",
            "phone:inset-0 phone:max-h-none phone:w-full phone:max-w-none phone:translate-x-0 phone:rounded-none phone:border-0",
            widths[width],
          )}
        >
          <header className="flex items-start gap-2 border-b border-line py-2 pr-2 pl-4">
            <div className="min-w-0 flex-1 py-1">
              <Radix.Title className="text-lg font-semibold break-words">{title}</Radix.Title>
              {note !== undefined && <Radix.Description className="text-2">{note}</Radix.Description>}
            </div>
            <Radix.Close asChild>
              <IconButton icon="close" label={closeLabel} />
            </Radix.Close>
          </header>
          <div data-layer-body className="min-h-0 flex-1 overflow-y-auto p-4">
            {children}
          </div>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
