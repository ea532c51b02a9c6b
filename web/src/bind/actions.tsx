/**
 * What can be done here, declared once: a view registers its actions while it stands, and button, menu, palette and key all show and
 * perform the same object. A later registration goes before an earlier one with the same key: what is on top is meant.
 */
import { createContext, useContext, useLayoutEffect, useRef, type ReactNode } from "react";

export type Action = {
  readonly id: string;
  readonly name: string;
  /** The heading it stands under in the palette and in the list of keys. */
  readonly group: string;
  /** As in "Mod+K", "Shift+N", "g"; each of them does it. */
  readonly keys?: readonly string[];
  /** Whether its keys work while somebody types; plain letters never do. */
  readonly in_fields?: boolean;
  /** Whether it can be done now. */
  readonly visible?: () => boolean;
  readonly perform: () => void;
};

export type Registry = {
  /** Newest first. */
  readonly all: () => readonly Action[];
  readonly add: (read: () => readonly Action[]) => () => void;
};

export function newRegistry(): Registry {
  let readers: readonly (() => readonly Action[])[] = [];
  return {
    all: () => readers.flatMap((read) => read()).filter((action) => action.visible?.() ?? true),
    add: (read) => {
      readers = [read, ...readers];
      return () => {
        readers = readers.filter((other) => other !== read);
      };
    },
  };
}

const RegistryContext = createContext<Registry>(newRegistry());

export function ActionsProvider({
  registry,
  children,
}: {
  readonly registry: Registry;
  readonly children: ReactNode;
}) {
  return <RegistryContext value={registry}>{children}</RegistryContext>;
}

export function useRegistry(): Registry {
  return useContext(RegistryContext);
}

/** Offers actions while the caller is mounted. They may be new objects each time. */
export function useActions(actions: readonly Action[]): void {
  const registry = useRegistry();
  const held = useRef(actions);
  // Together with what is shown: a key may come before the effects of a paint do.
  useLayoutEffect(() => {
    held.current = actions;
  });
  useLayoutEffect(() => registry.add(() => held.current), [registry]);
}
