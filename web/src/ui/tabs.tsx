/** A row of tabs; scrolls sideways where it does not fit. The panels are the caller's, marked by `TabPanel`. */
import type { ReactNode } from "react";
import * as Radix from "radix-ui/tabs";

export type Tab<Id extends string> = {
  readonly id: Id;
  readonly label: string;
  readonly count?: number;
  readonly keys?: string;
};

type TabsProps<Id extends string> = {
  readonly label: string;
  readonly tabs: readonly Tab<Id>[];
  readonly value: Id;
  readonly onChange: (id: Id) => void;
  readonly children?: ReactNode;
  readonly className?: string;
};

export function Tabs<Id extends string>({
  label,
  tabs,
  value,
  onChange,
  children,
  className,
}: TabsProps<Id>) {
  return (
    <Radix.Root
      value={value}
      onValueChange={(id) => {
        const tab = tabs.find((one) => one.id === id);
        if (tab !== undefined) onChange(tab.id);
      }}
      className={className}
      activationMode="manual"
    >
      <Radix.List
        aria-label={label}
        className="flex shrink-0 overflow-x-auto border-b border-line px-2 [scrollbar-width:none]"
      >
        {tabs.map((tab) => (
          <Radix.Trigger
            key={tab.id}
            value={tab.id}
            aria-keyshortcuts={tab.keys}
            className="focus-inset tap -mb-px inline-flex shrink-0 items-center gap-1.5 border-b-2 border-transparent px-3 py-1.5 text-2 hover:text-1 data-[state=active]:border-accent data-[state=active]:font-medium data-[state=active]:text-1"
          >
            {tab.label}
            {tab.count !== undefined && <span className="text-sm text-3">{tab.count}</span>}
          </Radix.Trigger>
        ))}
      </Radix.List>
      {children}
    </Radix.Root>
  );
}

export function TabPanel(props: {
  readonly id: string;
  readonly className?: string;
  readonly children: ReactNode;
}) {
  return (
    <Radix.Content value={props.id} className={props.className} tabIndex={-1}>
      {props.children}
    </Radix.Content>
  );
}
