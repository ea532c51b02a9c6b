/** The keys that work here, read from the actions themselves. */
import { useRegistry } from "@/bind/actions";
import { t } from "@/i18n";
import { Dialog } from "@/ui/dialog";
import { Kbd } from "@/ui/kbd";

export function KeysHelp({
  open,
  onOpenChange,
}: {
  readonly open: boolean;
  readonly onOpenChange: (open: boolean) => void;
}) {
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title={t("app.keys.title")}
      note={t("app.keys.note")}
      closeLabel={t("shared.close")}
    >
      <Keys />
    </Dialog>
  );
}

function Keys() {
  const actions = useRegistry().all();
  const groups = Map.groupBy(
    actions.filter((action) => action.keys !== undefined),
    (action) => action.group,
  );
  return [...groups].map(([group, members]) => (
    <section key={group} className="mb-4">
      <h3 className="mb-1 font-semibold">{group}</h3>
      <dl>
        {members.map((action) => (
          <div key={action.id} className="flex justify-between gap-4 border-b border-line py-1 last:border-0">
            <dt>{action.name}</dt>
            <dd className="flex gap-2">
              {action.keys?.map((keys) => (
                <Kbd key={keys} keys={keys} />
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  ));
}
