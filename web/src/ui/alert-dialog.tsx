/** Asks before what cannot be taken back. The safe answer has the focus; Escape is the safe answer. */
import type { ReactNode } from "react";
import * as Radix from "radix-ui/alert-dialog";
import { Button } from "./button";
import { useReturnFocus } from "./use-return-focus";

type AlertDialogProps = {
  readonly open: boolean;
  readonly onOpenChange: (open: boolean) => void;
  readonly title: string;
  /** What follows from it, in full. */
  readonly note: ReactNode;
  readonly confirm: { readonly label: string; readonly look: "primary" | "danger" };
  readonly cancelLabel: string;
  readonly onConfirm: () => void;
};

export function AlertDialog(props: AlertDialogProps) {
  const { open, onOpenChange, title, note, confirm, cancelLabel, onConfirm } = props;
  const focus = useReturnFocus();
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className="data-[state=open]:animate-in data-[state=closed]:animate-out fixed inset-0 z-50 bg-scrim" />
        <Radix.Content
          {...focus}
          className="data-[state=open]:animate-in data-[state=closed]:animate-out fixed top-[20dvh] left-1/2 z-50 w-[calc(100vw-2rem)] max-w-md -translate-x-1/2 rounded-md border border-line bg-surface-0 p-4"
        >
          <Radix.Title className="text-lg font-semibold break-words">{title}</Radix.Title>
          <Radix.Description asChild>
            <div className="mt-1 flex flex-col gap-2 text-2 break-words">{note}</div>
          </Radix.Description>
          <div className="mt-4 flex flex-wrap justify-end gap-2 phone:flex-col-reverse phone:gap-3">
            <Radix.Cancel asChild>
              <Button>{cancelLabel}</Button>
            </Radix.Cancel>
            <Radix.Action asChild>
              <Button look={confirm.look} onClick={onConfirm}>
                {confirm.label}
              </Button>
            </Radix.Action>
          </div>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
