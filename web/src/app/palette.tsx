/** Everything that can be done and everywhere that one can go, by typing a part of its name. */
import { useMemo, useState, type KeyboardEvent } from "react";
import { useRegistry } from "@/bind/actions";
import { useNav } from "@/bind/nav";
import { useStore } from "@/bind/store";
import { t } from "@/i18n";
import { cx } from "@/lib/cx";
import { Dialog } from "@/ui/dialog";
import { Kbd } from "@/ui/kbd";
import { TextField } from "@/ui/text-field";
import { matching, type Entry } from "./palette-entries";

export function Palette({
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
      title={t("app.palette.title")}
      closeLabel={t("shared.close")}
    >
      <Chooser onDone={() => onOpenChange(false)} />
    </Dialog>
  );
}

function Chooser({ onDone }: { readonly onDone: () => void }) {
  const registry = useRegistry();
  const store = useStore();
  const nav = useNav();
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const entries = useMemo(
    () =>
      matching(text, registry.all(), store.get().list.sessions, (id) => nav.go({ to: "session", id })).slice(
        0,
        50,
      ),
    [text, registry, store, nav],
  );
  const perform = (entry: Entry | undefined) => {
    if (!entry) return;
    onDone();
    // After the layer has given the focus back, so that what is opened keeps it.
    requestAnimationFrame(entry.perform);
  };
  const move = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") setChosen(Math.min(chosen + 1, entries.length - 1));
    else if (event.key === "ArrowUp") setChosen(Math.max(chosen - 1, 0));
    else if (event.key === "Enter" && !event.nativeEvent.isComposing) perform(entries[chosen]);
    else return;
    event.preventDefault();
  };
  return (
    <div className="flex flex-col gap-2" onKeyDown={move}>
      <TextField
        value={text}
        onChange={(next) => {
          setText(next);
          setChosen(0);
        }}
        role="combobox"
        aria-expanded
        aria-controls="palette-list"
        aria-activedescendant={entries[chosen] ? `palette-${entries[chosen].id}` : undefined}
        aria-label={t("app.palette.label")}
        placeholder={t("app.palette.label")}
        autoFocus
      />
      <ul id="palette-list" role="listbox" aria-label={t("app.palette.title")} className="flex flex-col">
        {entries.map((entry, at) => (
          <li
            key={entry.id}
            id={`palette-${entry.id}`}
            role="option"
            aria-selected={at === chosen}
            ref={at === chosen ? (row) => row?.scrollIntoView({ block: "nearest" }) : undefined}
            onPointerMove={() => setChosen(at)}
            onClick={() => perform(entry)}
            className={cx(
              "flex min-h-8 cursor-default items-center gap-2 rounded-md px-2 py-1",
              at === chosen && "bg-surface-2",
            )}
          >
            <span className="min-w-0 flex-1 truncate">{entry.name}</span>
            <span className="text-sm text-3">{entry.note}</span>
            {entry.keys === null ? null : <Kbd keys={entry.keys} />}
          </li>
        ))}
      </ul>
      {entries.length === 0 ? <p className="px-2 py-1 text-2">{t("app.palette.nothing", { text })}</p> : null}
    </div>
  );
}
