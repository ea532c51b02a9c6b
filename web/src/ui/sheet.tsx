/** A layer from the lower edge, for the phone; as high as what is in it. */
import type { ReactNode } from "react";
import * as Radix from "radix-ui/dialog";
import { focusFirst } from "./focus-first";
import { IconButton } from "./icon-button";
import { useReturnFocus } from "./use-return-focus";

type SheetProps = {
  readonly open: boolean;
  readonly onOpenChange: (open: boolean) => void;
  readonly title: string;
  readonly closeLabel: string;
  /** When it is closed and the focus is back: what would take the focus begins here. */
  readonly onClosed?: () => void;
  readonly children: ReactNode;
};

export function Sheet({ open, onOpenChange, title, closeLabel, onClosed, children }: SheetProps) {
  const focus = useReturnFocus(focusFirst, onClosed);
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className="data-[state=open]:animate-in data-[state=closed]:animate-out fixed inset-0 z-40 bg-scrim" />
        <Radix.Content
          {...focus}
          aria-describedby={undefined}
          className="data-[state=open]:animate-rise data-[state=closed]:animate-out fixed inset-x-0 bottom-0 z-40 flex max-h-[85dvh] flex-col rounded-t-md border-t border-line bg-surface-0 pb-[env(safe-area-inset-bottom)]"
        >
          <header className="flex items-center gap-2 border-b border-line py-1 pr-1 pl-4">
            <Radix.Title className="min-w-0 flex-1 truncate font-semibold">{title}</Radix.Title>
            <Radix.Close asChild>
              <IconButton icon="close" label={closeLabel} size="lg" />
            </Radix.Close>
          </header>
          <div data-layer-body className="min-h-0 flex-1 overflow-y-auto">
            {children}
          </div>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
