/** Names and values, one under the other. */
import type { ReactNode } from "react";

export function Facts({ children }: { readonly children: ReactNode }) {
  return (
    <dl className="grid grid-cols-[10rem_1fr] gap-x-4 gap-y-1.5 sm:@max-md:grid-cols-[6.5rem_1fr] sm:@max-md:gap-x-3 sm:@max-md:gap-y-1 phone:grid-cols-1 phone:gap-y-0.5">
      {children}
    </dl>
  );
}

export function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <>
      <dt className="text-3 phone:mt-1.5">{name}</dt>
      <dd className="min-w-0 break-words">{children}</dd>
    </>
  );
}
