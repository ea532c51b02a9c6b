/** Shows the whole address of a link before it is opened. */
import { t } from "@/i18n";
import { Button, buttonBase, buttonLooks } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { cx } from "@/lib/cx";
import { CopyButton } from "../copy-button";

type LinkGateProps = { readonly url: string; readonly disguised: boolean; readonly onClose: () => void };

export function LinkGate({ url, disguised, onClose }: LinkGateProps) {
  return (
    <Dialog
      open
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
      title={t("shared.link.title")}
      note={t("shared.link.note")}
      closeLabel={t("shared.close")}
      width="sm"
    >
      <p className="flex items-start gap-2 rounded-md border border-line bg-surface-1 py-2 pr-1 pl-3 font-mono break-all">
        <span className="flex-1">{url}</span>
        <CopyButton text={url} />
      </p>
      {disguised && <p className="mt-2 text-warn-ink">{t("shared.link.hidden")}</p>}
      <div className="mt-4 flex justify-end gap-2">
        <Button data-autofocus onClick={onClose}>
          {t("shared.cancel")}
        </Button>
        <a
          href={url}
          target="_blank"
          rel="noreferrer noopener"
          onClick={onClose}
          className={cx(buttonBase, buttonLooks.primary, "min-h-8 px-3 py-1 text-base hover:no-underline")}
        >
          {t("shared.link.open")}
        </a>
      </div>
    </Dialog>
  );
}
