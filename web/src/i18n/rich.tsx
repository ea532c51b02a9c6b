/** A sentence with elements in it: each placeholder is an element, the words around it stay in the table. */
import { Fragment, type ReactNode } from "react";
import { pieces, type Key, type NamesFor } from ".";

type RichProps<K extends Key> = {
  readonly of: K;
  readonly count?: number;
  readonly with: { readonly [N in NamesFor<K>]: ReactNode };
};

export function Rich<K extends Key>({ of, count, with: nodes }: RichProps<K>) {
  const given: Readonly<Record<string, ReactNode>> = nodes;
  return pieces(of, count).map((piece, index) => (
    <Fragment key={index}>{"text" in piece ? piece.text : given[piece.name]}</Fragment>
  ));
}
