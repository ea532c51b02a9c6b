/** A window over a session: its parts stand one under the other, the safe answer first in its last line. */
import type { ReactNode } from "react";
import { t } from "@/i18n";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";

type SessionDialogProps = {
  readonly title: string;
  readonly note: string;
  readonly width?: "sm" | "md";
  readonly onClose: () => void;
  readonly children: ReactNode;
};

export function SessionDialog({ title, note, width = "sm", onClose, children }: SessionDialogProps) {
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={title}
      note={note}
      closeLabel={t("shared.close")}
      width={width}
    >
      <div className="flex flex-col gap-4">{children}</div>
    </Dialog>
  );
}

type DialogFootProps = {
  readonly onCancel: () => void;
  /** What can be done; where there is nothing the dialog is only closed. */
  readonly children: ReactNode;
};

export function DialogFoot({ onCancel, children }: DialogFootProps) {
  return (
    <div className="flex flex-wrap justify-end gap-2 phone:flex-col-reverse phone:gap-3">
      <Button onClick={onCancel}>{children ? t("shared.cancel") : t("shared.close")}</Button>
      {children}
    </div>
  );
}
