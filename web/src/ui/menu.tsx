/** A button that opens a list of things to do: a menu, and on the phone a sheet. */
import { useState, type ReactElement } from "react";
import * as Radix from "radix-ui/dropdown-menu";
import { cx } from "@/lib/cx";
import { Icon, type IconName } from "./icon";
import { Kbd } from "./kbd";
import { Sheet } from "./sheet";
import { usePhone } from "./use-media";

export type MenuItem = {
  readonly id: string;
  readonly label: string;
  readonly icon?: IconName;
  readonly keys?: string;
  readonly tone?: "plain" | "bad";
  /** Why it cannot be chosen now; shown below it. */
  readonly blocked?: string;
  /** For choices: whether this is the one in force. */
  readonly chosen?: boolean;
  readonly onSelect: () => void;
};

type MenuProps = {
  readonly label: string;
  readonly closeLabel: string;
  /** A line is drawn between groups. */
  readonly groups: readonly (readonly MenuItem[])[];
  readonly children: ReactElement;
};

export function Menu(props: MenuProps) {
  return usePhone() ? <SheetMenu {...props} /> : <DropMenu {...props} />;
}

function DropMenu({ label, groups, children }: MenuProps) {
  const [place, setPlace] = useState<HTMLElement | null>(null);
  const [held] = useState<{ chosen: MenuItem | null }>(() => ({ chosen: null }));
  return (
    <Radix.Root modal={false}>
      <span ref={setPlace} className="contents">
        <Radix.Trigger asChild>{children}</Radix.Trigger>
      </span>
      {/* Beside what opened it, so that it is in the same landmark and the same layer. */}
      <Radix.Portal
        container={place?.closest<HTMLElement>("[role='dialog'], main, header, nav, aside") ?? null}
      >
        <Radix.Content
          aria-label={label}
          onCloseAutoFocus={(event) => {
            const { chosen } = held;
            if (chosen === null) return;
            // First the focus is back, then it happens: what is chosen may want the focus for itself.
            event.preventDefault();
            held.chosen = null;
            focusIn(place);
            chosen.onSelect();
          }}
          align="end"
          sideOffset={4}
          collisionPadding={8}
          className="data-[state=open]:animate-in z-50 max-h-(--radix-dropdown-menu-content-available-height) min-w-48 max-w-80 overflow-y-auto rounded-md border border-line bg-surface-0 p-1"
        >
          {filled(groups).map((group, index) => (
            <Radix.Group key={group[0]?.id}>
              {index > 0 && <Radix.Separator className="mx-1 my-1 h-px bg-line" />}
              {group.map((item) => (
                <Radix.Item
                  key={item.id}
                  disabled={item.blocked !== undefined}
                  onSelect={() => {
                    held.chosen = item;
                  }}
                  className={cx(
                    "flex min-h-7 items-center gap-2 rounded-sm px-2 py-1 outline-none select-none data-[disabled]:text-3 data-[highlighted]:bg-surface-2",
                    item.tone === "bad" ? "text-bad-ink data-[highlighted]:bg-bad-tint" : "text-1",
                  )}
                >
                  <Face item={item} />
                </Radix.Item>
              ))}
            </Radix.Group>
          ))}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

function SheetMenu({ label, closeLabel, groups, children }: MenuProps) {
  const [open, setOpen] = useState(false);
  const [held] = useState<{ chosen: MenuItem | null }>(() => ({ chosen: null }));
  return (
    <>
      <span className="contents" onClick={() => setOpen(true)}>
        {children}
      </span>
      <Sheet
        open={open}
        onOpenChange={setOpen}
        title={label}
        closeLabel={closeLabel}
        onClosed={() => {
          const { chosen } = held;
          held.chosen = null;
          chosen?.onSelect();
        }}
      >
        {filled(groups).map((group) => (
          <ul key={group[0]?.id} className="border-b border-line py-1 last:border-0">
            {group.map((item) => (
              <li key={item.id}>
                <button
                  type="button"
                  disabled={item.blocked !== undefined}
                  onClick={() => {
                    held.chosen = item;
                    setOpen(false);
                  }}
                  className={cx(
                    "focus-inset flex min-h-12 w-full items-center gap-3 px-4 py-2 text-left active:bg-surface-2 disabled:text-3",
                    item.tone === "bad" && "text-bad-ink",
                  )}
                >
                  <Face item={item} />
                </button>
              </li>
            ))}
          </ul>
        ))}
      </Sheet>
    </>
  );
}

function Face({ item }: { readonly item: MenuItem }) {
  return (
    <>
      {item.icon !== undefined && <Icon name={item.icon} className="text-3" />}
      <span className="min-w-0 flex-1">
        {item.label}
        {item.blocked !== undefined && <span className="block text-sm text-3">{item.blocked}</span>}
      </span>
      {item.chosen === true && <Icon name="check" />}
      {item.keys !== undefined && (
        <span className="phone:hidden">
          <Kbd keys={item.keys} />
        </span>
      )}
    </>
  );
}

/** What opens the menu is the one element in its place. */
function focusIn(place: HTMLElement | null): void {
  if (place?.firstElementChild instanceof HTMLElement) place.firstElementChild.focus();
}

function filled(groups: MenuProps["groups"]): MenuProps["groups"] {
  return groups.filter((group) => group.length > 0);
}
